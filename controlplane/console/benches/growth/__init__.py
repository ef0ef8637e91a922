"""How the cost of what is opened most grows with the rows behind it: `manage.py bench growth`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.test.utils import override_settings

from controlplane.access.models import Workspace
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.console.benches.growth.filling import BIG, Herd
from controlplane.console.benches.growth.pages import PAGES, looks
from controlplane.console.benches.growth.reading import FLAT, Cost, cost, exponent, too_much
from controlplane.console.benches.load import world
from missions.benches.checks import STORAGES

ROWS = 100_000
FIRST = 1_000
# Lists count as far as ten thousand and then say "more than".
COUNTED = 10_000
READ_MOST = 12_000


@bench.register("growth", doc="the ten pages opened most, from a thousand rows to --rows of each")
def growth(run: Run) -> Iterator[Row]:
    sizes = steps(run.rows or ROWS)
    with (
        override_settings(
            ALLOWED_HOSTS=["*"],
            SECURE_SSL_REDIRECT=False,
            REQUIRE_SECOND_FACTOR=False,
            STORAGES=STORAGES,
        ),
        bench.quiet(),
    ):
        filled = world.make(people=1, agents=8, missions=6)
        costs = dict(_measured(filled, sizes, run.say))
    run.report["growth"] = document(sizes, costs)
    run.missed += missed(sizes, costs)
    run.blocks["growth"] = table(sizes, costs)
    yield from rows(sizes, costs)


def steps(most: int) -> list[int]:
    """From a thousand in tens, and `most` itself."""
    found = []
    size = FIRST
    while size < most:
        found.append(size)
        size *= 10
    return [*found, max(most, FIRST)]


def _measured(
    filled: dict[str, object], sizes: list[int], say: Callable[[str], object]
) -> Iterator[tuple[str, list[Cost]]]:
    herd = Herd(Workspace.objects.get(slug=world.NAME))
    costs: dict[str, list[Cost]] = {page.name: [] for page in PAGES}
    for size in sizes:
        say(f"{size:,} rows of each …")
        herd.grow(size)
        for name, look in looks(filled).items():
            costs[name].append(cost(look))
    yield from costs.items()


def rows(sizes: list[int], costs: dict[str, list[Cost]]) -> Iterator[Row]:
    span = f"{sizes[0]:,} to {sizes[-1]:,} rows"
    for name, found in costs.items():
        first, last = found[0], found[-1]
        grows = exponent(sizes, [each.cpu_ms for each in found])
        yield Row(f"{name}, CPU", last.cpu_ms, "ms", f"at {sizes[0]:,} rows", first.cpu_ms,
                  f"{span}, rows^{grows:.2f}")  # fmt: skip
        grows = exponent(sizes, [each.buffers for each in found])
        yield Row(f"{name}, blocks read", float(last.buffers), "blocks", f"at {sizes[0]:,} rows",
                  float(first.buffers) or None, f"rows^{grows:.2f}")  # fmt: skip
        yield Row(f"{name}, queries", float(last.queries), "queries", f"at {sizes[0]:,} rows",
                  float(first.queries) or None)  # fmt: skip


def table(sizes: list[int], costs: dict[str, list[Cost]]) -> str:
    """For a page of docs/."""
    span = [f"{size:,} rows" for size in (sizes[0], sizes[-1])]
    lines = [
        f"| Page | CPU, ms, {span[0]} | {span[1]} | Blocks read, {span[0]} | {span[1]} |"
        " Questions | *b* of the blocks |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in costs.items():
        first, last = found[0], found[-1]
        grows = exponent(sizes, [each.buffers for each in found])
        lines.append(
            f"| {name} | {first.cpu_ms:.0f} | {last.cpu_ms:.0f} | {first.buffers:,} |"
            f" {last.buffers:,} | {last.queries} | {grows:.2f} |"
        )
    return "\n".join(lines)


def missed(sizes: list[int], costs: dict[str, list[Cost]]) -> list[str]:
    found = []
    # Of the last step, and none below what is counted to: until there, counts grow with the rows.
    judged = len(sizes) > 1 and sizes[-2] >= COUNTED
    for name, several in costs.items():
        grows = exponent(sizes[-2:], [each.buffers for each in several[-2:]])
        if judged and grows > FLAT.value:
            found.append(f"growth: blocks of {name} grow as rows^{grows:.2f}")
        if several[-1].queries > several[0].queries + 2:
            found.append(f"growth: {name} asks {several[-1].queries} times, not"
                         f" {several[0].queries}")  # fmt: skip
        found += [f"growth: {name}: {each}" for each in too_much(several[-1], BIG, READ_MOST)]
    return found


def document(sizes: list[int], costs: dict[str, list[Cost]]) -> dict[str, object]:
    return {
        "sizes": sizes,
        "pages": {
            name: {
                "cpu_ms": [round(each.cpu_ms, 2) for each in found],
                "queries": [each.queries for each in found],
                "blocks": [each.buffers for each in found],
                "cpu_exponent": round(exponent(sizes, [each.cpu_ms for each in found]), 3),
                "blocks_exponent": round(exponent(sizes, [each.buffers for each in found]), 3),
            }
            for name, found in costs.items()
        },
    }
