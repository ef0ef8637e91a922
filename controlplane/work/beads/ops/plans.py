"""`create --file`: the issues of a plan, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from controlplane.lib.errors import ControlPlaneError
from controlplane.work import services, vocabulary
from controlplane.work.beads import gathering
from controlplane.work.beads.asking import MOST_IDS, Call, Given, refuse
from controlplane.work.beads.ops.making import Edge, edge, link, new, undone
from controlplane.work.beads.table import command
from controlplane.work.models import Item

# Said beside the plan, for each of its issues that says nothing else.
_ALL = frozenset({"type", "priority", "assignee", "labels", "label", "parent", "no_inherit_labels"})
_EACH = frozenset(
    {
        "title",
        "line",
        "description",
        "design",
        "acceptance",
        "notes",
        "external_ref",
        "estimate",
        "due",
        "defer",
        "type",
        "priority",
        "assignee",
        "labels",
        "deps",
    }
)


@command("create_many", takes={"issues", "dry_run", *_ALL}, writes=True)
def create_many(call: Call) -> Any:
    """Opened in the order of the plan, then joined: one may wait for another further down, which
    it names by its title."""
    asked = [_asked(call, given) for given in _given(call)]
    call.alone()
    if not call.given.flag("dry_run"):
        return gathering.changed(_made(asked))
    return [
        {**row, "dry_run": True} for row in undone(call, lambda: gathering.changed(_made(asked)))
    ]


def _given(call: Call) -> list[dict[str, Any]]:
    issues = call.given.values.get("issues")
    if not isinstance(issues, list) or not issues or len(issues) > MOST_IDS:
        raise refuse("issues", f"A list of 1 to {MOST_IDS} issues.")
    for number, issue in enumerate(issues, 1):
        if not isinstance(issue, dict):
            raise refuse("issues", f"issue {number}: an object")
        unknown = sorted(set(issue) - _EACH)
        if unknown:
            raise refuse("issues", f"issue {number}: unknown field {unknown[0][:60]!r}")
    return issues


def _asked(call: Call, issue: dict[str, Any]) -> Call:
    """One issue as if it had been asked for alone. Labels add up; the rest is said by whoever is
    nearer."""
    common = {name: value for name, value in call.given.values.items() if name in _ALL}
    given = Given(common | issue)
    given.values["labels"] = Given(issue).words("labels") + call.given.words("labels")
    return replace(call, op="create", given=given)


def _made(asked: list[Call]) -> list[Item]:
    made = []
    for one in asked:
        with _named(one):
            made.append(services.create_item(one.project, **one.who, **new(one)))
    here = _by_title(made)
    for one, item in zip(asked, made, strict=True):
        with _named(one):
            for joined in _edges(one, here):
                link(one, item, joined)
    return made


def _by_title(made: list[Item]) -> dict[str, Item | None]:
    """None for a title that two of them have: it names neither."""
    here: dict[str, Item | None] = {}
    for item in made:
        title = item.title.casefold()
        here[title] = None if title in here else item
    return here


def _edges(call: Call, here: dict[str, Item | None]) -> Iterator[Edge]:
    """A line is a title of this plan, with a type before it or not; or else names with commas."""

    def find(text: str) -> Item:
        title = text.strip().casefold()
        if title not in here:
            return call.find(text)
        item = here[title]
        if item is None:
            raise refuse("deps", f"two issues of the plan are called {text.strip()[:60]!r}")
        return item

    lines = call.given.values.get("deps", [])
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise refuse("deps", "deps is a list of texts.")
    for line in lines:
        if line.strip().casefold() in here:
            yield Edge(vocabulary.BLOCKS, find(line))
        elif line.partition(":")[2].strip().casefold() in here:
            yield edge(call, line, find)
        else:
            yield from (edge(call, part, find) for part in Given({"deps": line}).words("deps"))


@contextmanager
def _named(call: Call) -> Iterator[None]:
    """A refusal says which issue of the plan it is about."""
    try:
        yield
    except ControlPlaneError as error:
        line = call.given.values.get("line")
        where = f"line {line}: " if isinstance(line, int) else ""
        error.message = f"{where}{call.given.text('title')[:60]}: {error.message}"
        raise
