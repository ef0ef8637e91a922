"""What the quick suite takes and what it leaves to the slow one: nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit import quick, workers

ROOT = quick.LIST.parents[1]


class Item:
    """As much of a test as is asked when the suites are divided."""

    module = None

    def __init__(self, nodeid: str, *marks: str) -> None:
        self.nodeid, self.fixturenames = nodeid, ()
        self.marks = {name: getattr(pytest.mark, name).mark for name in marks}

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)

    def add_marker(self, added: Any) -> None:
        self.marks[added.name] = added.mark


def _row(name: str, cases: int, *marks: str) -> list[Any]:
    return [Item(f"tests/a.py::{name}[{number}]", *marks) for number in range(cases)]


def _left(items: list[Any], *listed: str) -> list[str]:
    quick.leave_to_slow(items, listed=listed)
    return [item.nodeid for item in items if quick.by_cost(item)]


def test_long_row_on_the_database__first_middle_and_last_are_quick() -> None:
    left = _left(_row("test_refused", 7, "django_db"))
    assert left == [f"tests/a.py::test_refused[{number}]" for number in (1, 2, 4, 5)]


def test_row__short_or_without_the_database_or_slow_already__stays_as_it_is() -> None:
    assert _left(_row("test_three", 3, "django_db")) == []
    assert _left(_row("test_pure", 40)) == []
    assert _left(_row("test_walk", 40, "django_db", "slow")) == []


def test_listed__all_its_cases_are_slow__and_go_before_the_long_ones() -> None:
    rows = [*_row("test_dear", 2), *_row("test_cheap", 2), *_row("test_long", 1, "slow")]
    assert len(_left(rows, "tests/a.py::test_dear")) == 2
    workers.arrange(rows)
    names = [quick.function(item.nodeid).partition("::")[2] for item in rows]
    assert names == ["test_dear"] * 2 + ["test_long"] + ["test_cheap"] * 2


@pytest.mark.parametrize(
    "nodeid",
    ["tests/a.py::test_b", "tests/a.py::test_b[x::y@z]", "tests/a.py::test_b@kept together"],
)
def test_function__without_its_case_and_group(nodeid: str) -> None:
    assert quick.function(nodeid) == "tests/a.py::test_b"


def test_chosen__the_cheap_stay__and_of_every_file_one_and_one_about_strangers() -> None:
    costs = {
        "tests/a.py::test_cheap": quick.Cost(0.1),
        "tests/a.py::test_row": quick.Cost(4.0, 20),
        "tests/a.py::test_dear": quick.Cost(3.0),
        "tests/b.py::test_only": quick.Cost(9.0),
        "tests/c.py::test_first": quick.Cost(0.2),
        "tests/c.py::test_stranger__sees_nothing": quick.Cost(2.0),
    }
    assert quick.chosen(costs, seconds=100) == []
    assert quick.chosen(costs, seconds=16) == ["tests/a.py::test_dear"]
    assert quick.chosen(costs, seconds=0) == ["tests/a.py::test_dear", "tests/a.py::test_row"]


def test_costs__are_added_up_by_function_without_a_shared_scene(tmp_path: Any) -> None:
    costs = quick.Costs(tmp_path / "costs.tsv")

    def report(nodeid: str, when: str, duration: float, *, scene: bool = False) -> Any:
        found: Any = Item(nodeid)
        found.when, found.duration = when, duration
        found.user_properties = [("scene", True)] if scene else []
        return found

    for told in (
        report("tests/a.py::test_a[1]", "setup", 1.0),
        report("tests/a.py::test_a[2]@a", "call", 0.5),
        report("tests/a.py::test_b", "setup", 4.0, scene=True),
        report("tests/a.py::test_b", "call", 0.25, scene=True),
    ):
        costs.pytest_runtest_logreport(told)

    class Session:
        config = object()

    costs.pytest_sessionfinish(Session())
    written = (tmp_path / "costs.tsv").read_text()
    assert written == "tests/a.py::test_a\t1.5000\t1\ntests/a.py::test_b\t0.2500\t1\n"


@pytest.mark.slow
def test_list__names_tests_that_exist() -> None:
    sources: dict[str, str] = {}
    gone = []
    for name in quick.costly():
        path, *_, function = name.split("::")
        if path not in sources:
            file = ROOT / path
            sources[path] = file.read_text() if file.exists() else ""
        if f"def {function}(" not in sources[path]:
            gone.append(name)
    assert not gone, f"drop these lines from {quick.LIST.name}: {gone}"
