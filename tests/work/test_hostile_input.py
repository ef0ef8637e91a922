"""Input that nobody means well: refused with a sentence, never an error of ours, nothing half
done."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.work import services
from controlplane.work.beads.table import COMMANDS
from controlplane.work.models import CheckResult, Item
from controlplane.work.services import graph
from tests import make
from tests.kit import beads, settled, work
from tests.kit.api import Api
from tests.kit.beads import Bd
from tests.kit.github import Repository, send

pytestmark = pytest.mark.django_db
SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
RUN = {
    "id": 1, "name": "tests", "head_sha": SHA, "status": "completed", "conclusion": "success",
    "head_branch": "bd-a1f-x", "html_url": "https://github.com/example/portal/runs/1",
    "details_url": "https://ci.example.org/1", "started_at": "2026-03-01T08:00:00Z",
    "completed_at": "2026-03-01T08:10:00Z", "updated_at": "2026-03-01T08:10:00Z",
    "created_at": "2026-03-01T08:00:00Z", "run_started_at": "2026-03-01T08:00:00Z",
    "display_title": "Login", "head_commit": {"message": "bd-a1f: login"},
    "check_suite": {"head_branch": "bd-a1f-x"}, "app": {"name": "actions"},
    "pull_requests": [{"number": 3, "head": {"ref": "bd-a1f"}, "title": "Login"}],
}  # fmt: skip
EVENTS: dict[str, dict[str, Any]] = {
    "check_run": {"action": "completed", "check_run": RUN},
    "check_suite": {"action": "completed", "check_suite": RUN},
    "workflow_run": {"action": "completed", "workflow_run": RUN},
    "status": {
        "id": 5, "sha": SHA, "context": "ci", "state": "success", "branches": [{"name": "bd-a1f"}],
        "target_url": "https://ci.example.org/5", "updated_at": "2026-03-01T08:10:00Z",
        "created_at": "2026-03-01T08:10:00Z", "commit": {"commit": {"message": "bd-a1f"}},
    },
    "deployment_status": {
        "deployment_status": {
            "state": "success", "updated_at": "2026-03-01T08:10:00Z",
            "log_url": "https://ci.example.org/6", "created_at": "2026-03-01T08:10:00Z",
        },
        "deployment": {
            "id": 6, "sha": SHA, "ref": "bd-a1f", "environment": "production",
            "description": "bd-a1f", "created_at": "2026-03-01T08:10:00Z",
        },
    },
    "pull_request": {
        "action": "closed",
        "pull_request": {
            "number": 3, "state": "closed", "merged": True, "title": "bd-a1f Login",
            "html_url": "https://github.com/example/portal/pull/3",
            "head": {"ref": "bd-a1f", "sha": SHA}, "updated_at": "2026-03-01T08:10:00Z",
            "created_at": "2026-03-01T08:00:00Z", "merged_at": "2026-03-01T08:10:00Z",
        },
    },
}  # fmt: skip
ODD: list[Any] = [
    None, True, -1, 0, 10**99, -(10**99), 1.5, 1e300, "", " ", "x" * 5_000, "\u0007bell\u001b[31m",
    "\u202eevil\u2028", "🙂" * 400, "\ud800", "\u0000", "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00Z", [], {}, [[]], [{}], {"a": {"b": []}}, ["x"], [None] * 50,
]  # fmt: skip


WORDS: list[Any] = ["a=b", ["a=b"], ".*(", "[", "*", "%", "'; --", 2**63, -(2**40)]


def some(odd: list[Any], number: int) -> Any:
    """One of them, another at each place: together the places meet them all."""
    return odd[number * 7 % len(odd)]


def places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, at every level."""
    if path:
        yield path
    named = found.items() if isinstance(found, dict) else enumerate(found)
    if isinstance(found, dict | list):
        for name, value in named:
            if isinstance(value, dict | list):
                yield from places(value, (*path, name))
            else:
                yield (*path, name)


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return changed


def deliver_with_one_odd(step: int) -> None:
    """All places of all events, or each so many-th; what is wrong is told together."""
    repository = Repository()
    repository.item()
    wrong: list[Any] = []
    for begin, event in enumerate(EVENTS):
        whole = {"repository": {"full_name": repository.name}, **EVENTS[event]}
        for number, path in list(enumerate(places(whole)))[begin % step :: step]:
            odd = some(ODD, number + begin)
            body = json.dumps(put(whole, path, odd)).encode()
            answer = send(event, body, repository.secret)
            # 401: it no longer says of which repository it tells.
            if answer.status_code not in {200, 400, 401} or b"not storable" in answer.content:
                wrong.append((event, path, str(odd)[:30], answer.status_code))
        if repository.deliver(event, EVENTS[event]).status_code != 200:
            wrong.append((event, "as it should be"))
    assert wrong == []


def test_delivery__with_anything_at_a_few_places__is_never_an_error_of_ours() -> None:
    deliver_with_one_odd(step=8)


@pytest.mark.slow
def test_delivery__with_anything_anywhere__is_never_an_error_of_ours() -> None:
    """Every other place: checks, suites and runs look alike, and begin at another."""
    deliver_with_one_odd(step=2)


def test_check__whose_name_a_terminal_would_obey__is_kept_and_told() -> None:
    repository = Repository()
    item = repository.item()

    answer = repository.check(name="tests \u001b[31mred\u001b[0m\u0007")

    assert answer.json()["outcome"] == "check_run success: 1 item told"
    assert CheckResult.objects.get().name == "tests  [31mred [0m"
    assert "tests  [31mred" in item.comments.get().text


# --- Commands ---------------------------------------------------------------------------------


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def bd(workspace: Workspace) -> Bd:
    return beads.agent(workspace)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"due": "9999-12-31"}, "due_at lies outside"),
        ({"defer": "0001-01-02"}, "defer_until lies outside"),
        ({"ephemeral": "no"}, "true or false"),
        ({"in_backlog": "false"}, "true or false"),
        ({"in_backlog": 1}, "true or false"),
    ],
)
def test_create__of_what_no_export_could_be_read_again(
    bd: Bd, args: dict[str, Any], says: str
) -> None:
    assert says in bd.error("create", title="x", **args)
    assert not Item.objects.exists()


def test_far_moment_through_the_api__is_refused(workspace: Workspace) -> None:
    api = Api(browser=make.client(make.person(workspace, "operations_command")))
    for far in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "1800-01-01T00:00:00Z"):
        answer = api.post("/api/v1/work/items", {"title": "x", "due_at": far})
        assert answer.status_code == 400, answer.content


def test_open_child__goes_under_no_closed_parent(bd: Bd) -> None:
    parent, child = bd.make("Epic"), bd.make("Part")
    bd("close", ids=[parent], reason="done")

    for op, args in (
        ("dep_add", {"issue": child, "depends_on": parent, "type": "parent-child"}),
        ("update", {"ids": [child], "parent": parent}),
        ("create", {"title": "another", "parent": parent}),
    ):
        assert "is closed; reopen it" in bd.error(op, **args)
    bd("close", ids=[child], reason="done")
    bd("dep_add", issue=child, depends_on=parent, type="parent-child")


def test_claim_and_version__in_one_command(bd: Bd) -> None:
    key = bd.make()
    seen = bd.show(key)["revision"]

    assert bd("update", ids=[key], claim=True, expected_version=seen)[0]["status"] == "in_progress"
    assert "changed since" in bd.error("update", ids=[key], notes="n", expected_version=seen)


def test_deleting__what_many_wait_for_is_counted_off_at_once(
    workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    actor = work.worker(workspace)
    hub = work.item(workspace, actor=actor)
    for _ in range(30):
        services.add_dependency(work.item(workspace, actor=actor), hub, actor=actor)

    # Each place that names items is looked at once, however many wait.
    every = Item._meta.get_fields(include_hidden=True)
    named = [each for each in every if each.is_relation and each.auto_created]
    with django_assert_max_num_queries(len(named) + 16):
        services.delete_items([hub], actor=actor)

    assert not Item.objects.filter(blocked=True).exists()
    assert graph.mismatches(workspace.pk) == []


_OPS = (
    "create", "list", "ready", "blocked", "search", "count", "stale", "show", "update", "close",
    "reopen", "defer", "undefer", "comment", "comments", "note", "dep_add", "dep_remove",
    "dep_list", "dep_tree", "dep_cycles", "label_add", "label_list", "children", "ensure", "stats",
    "epic_status", "config_set", "config_get", "init", "duplicate", "relate", "delete", "types",
)  # fmt: skip


def ask_with_one_odd(bd: Bd, flags_of: Any) -> None:
    wrong = []
    for begin, op in enumerate(_OPS):
        key = bd.make("There already")
        for number, flag in enumerate(flags_of(sorted(COMMANDS[op].takes), begin)):
            odd = some([*ODD, *WORDS, key, [key]], number + begin)
            args = {"ids": [key], "title": "x", "text": "y", "query": "z", "label": "l", flag: odd}
            args = {name: args[name] for name in args if name in COMMANDS[op].takes}
            answer = bd.ask(op, **args)
            if answer.status_code >= 500:
                wrong.append((op, flag, str(odd)[:30], answer.status_code, answer.content[:200]))
    assert wrong == []


def test_command__with_anything_for_one_flag__is_never_an_error_of_ours(bd: Bd) -> None:
    ask_with_one_odd(bd, lambda flags, n: flags and [flags[n % len(flags)]])


@pytest.mark.slow
def test_command__with_anything_for_any_flag__is_never_an_error_of_ours(bd: Bd) -> None:
    ask_with_one_odd(bd, lambda flags, n: flags)
