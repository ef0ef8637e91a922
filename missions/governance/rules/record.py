"""G9 to G12 and G16: what was found and let pass, what is kept, what waits for signatures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from controlplane.access.policy import role_label
from controlplane.lib import moments
from missions import reads
from missions.evidence.gates import stored
from missions.gates.looking import Look
from missions.governance.kinds import begun, each, gates, since, under_way, within
from missions.models import Bundle, Mission, StageVisit

RETROSPECTIVE = timedelta(days=14)  # after the execution's end
_DECIDE = frozenset({"governance_validator", "operations_command"})


@each("G9", "Findings are decided, and what a safeguard stopped has its incident", under_way)
def decided(look: Look) -> Iterator[str]:
    mission = look.mission
    grave = [row for row in reads.OPEN_FINDINGS.of(mission) if row.unhandled]
    if grave:
        more = " and more" if len(grave) > 5 else ""
        yield f"Not decided: {', '.join(str(each) for each in grave[:5])}{more}."
    if mission.paused_cause != Mission.Cause.SAFEGUARD:
        return
    stopped = next(iter(reads.VIOLATIONS.of(mission)), None)
    if stopped is None or stopped.item_id is None:
        yield "A safeguard paused it, and there is no incident of it."


@each("G10", "Overrides have a reason, somebody of the right role, and an end", begun)
def overridden(look: Look) -> Iterator[str]:
    for each_one in reads.OVERRIDES.of(look.mission):
        if each_one.status != "granted":
            continue
        if not each_one.reason or each_one.expires_at is None:
            yield f"{each_one} has no reason or no end."
        elif each_one.role not in _DECIDE:
            yield f"{each_one} was granted as {role_label(each_one.role)}."
        elif each_one.expires_at <= look.now and each_one.mission.is_under_way:
            yield f"{each_one} is over since {each_one.expires_at:%Y-%m-%d %H:%M}."


@each("G11", "The evidence bundle is there, whole, and redacted where it goes out",
      since("execute_observe"))  # fmt: skip
def kept(look: Look) -> Iterator[str]:
    yield from gates(look, "execute_observe", "bundle_verified")
    out = stored(look.mission, "external")
    went = {each["path"] for each in _artifacts(out) if each.get("included")}
    files = reads.ARTIFACTS.of(look.mission)
    if any(row.path in went and row.redaction == "pending" for row in files):
        yield "Something went out of which nobody says any more that it may."


def _artifacts(bundle: Bundle | None) -> list[dict[str, Any]]:
    return list(bundle.manifest.get("artifacts", [])) if bundle is not None else []


@each("G12", "The retrospective is signed within 14 days of the execution's end",
      within("reflect_improve"))  # fmt: skip
def looked_back(look: Look) -> Iterator[str]:
    ended = look.last_visit("execute_observe")
    here = look.last_visit("reflect_improve")
    since_when = ended.left_at if ended is not None else None
    if since_when is None or look.now < since_when + RETROSPECTIVE:
        return
    if here is None or here.approval is None or here.approval.status != "approved":
        yield f"The execution ended on {since_when:%Y-%m-%d}, and it is not signed."


@each("G16", "No checkpoint waits past its time", under_way)
def waiting(look: Look) -> Iterator[str]:
    visit: StageVisit | None = look.visit
    request = visit.approval if visit is not None else None
    if request is None or request.status != "open" or request.due_at > look.now:
        return
    yield (
        f"{request.ref} waits since {moments.utc(request.requested_at)};"
        f" it was due {moments.utc(request.due_at)}."
    )
