"""G13 to G15: what is asked of a workspace as a whole, and what other packages ask of it."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.base.registries import audit_rules
from controlplane.base.rulebook import Answer, Found, Rule, answer
from controlplane.work.models import Dependency
from controlplane.work.services.cycles import cycles
from missions.governance.kinds import BOOK, WHOLE, WORKSPACE, Scope

_MODES = frozenset({WORKSPACE})
_NAMED = 5
BOOK.reserved(
    "G13", "Each change has a work item, a trace or a runbook that it rests on", modes=_MODES
)
BOOK.reserved(
    "G14", "Reviews, documentation and actions of incidents are not overdue", modes=_MODES
)


@BOOK.rule("G15", "No work depends on itself, nor was closed before what blocks it", modes=_MODES)
def ordered(scope: Scope) -> Answer:
    said, total = [], 0
    loops = cycles(scope.workspace)
    if loops:
        total += len(loops)
        said.append(f"Items wait for each other: {_named([row.key for row in loops[0]])}.")
    early = Dependency.objects.filter(item__workspace=scope.workspace).closed_too_early()
    keys = list(early.order_by("item").values_list("item__key", flat=True).distinct()[:100])
    if keys:
        total += len(keys)
        said.append(f"Closed while something that blocks them is open: {_named(keys)}.")
    found = (Found(WHOLE, " ".join(said), total),) if said else ()
    return answer(found)


def _named(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more


def _of_others(slug: str) -> Callable[[Scope], Answer]:
    def ask(scope: Scope) -> Answer:
        entry = audit_rules.get(slug)
        if entry is None:
            return Answer("not_applicable", "Nobody asks this any more.")
        verdict = entry.check(scope.workspace.pk)
        if verdict.status in {"ok", "not_applicable"}:
            return Answer(verdict.status, verdict.text)
        return Answer("gaps", "1 found", (Found(WHOLE, verdict.text),))

    return ask


def registered() -> list[Rule[Scope]]:
    """Rules of the registry that every package may fill."""
    return [Rule(entry.slug, entry.title, _of_others(entry.slug), _MODES) for entry in audit_rules]
