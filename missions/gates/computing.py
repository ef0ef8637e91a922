"""Answers to the gates of what a mission itself holds."""

from __future__ import annotations

from controlplane.approvals import links as approval_links
from missions import packets, stages
from missions.gates.kinds import Found, failed, not_applicable, passed, waiting
from missions.gates.looking import Look
from missions.gates.registry import answer, provide
from missions.models import Mission


@provide("owner_set")
def owner_set(look: Look) -> Found:
    if not look.owner_roles:
        return failed("Its owner does not work here any more.", ("Mission", look.url()))
    if stages.kinds.OWNER not in look.owner_roles:
        return failed("Its owner does not hold the role of a Mission Owner.")
    return passed("Its owner holds the role.")


@provide("intent_written")
def intent_written(look: Look) -> Found:
    if not look.mission.intent.strip():
        return failed("It says nothing yet.", ("Mission", look.url()))
    return passed("It is written down.")


_BRIEF = (
    ("objective", "objective"),
    ("audience", "audience"),
    ("timeline", "timeline"),
    ("kpi_name", "KPI"),
)


@provide("brief_complete")
def brief_complete(look: Look) -> Found:
    missing = [words for name, words in _BRIEF if not getattr(look.brief, name)]
    if missing:
        return failed(f"Not said yet: {', '.join(missing)}.", ("Brief", look.url("brief")))
    return passed("Objective, audience, KPI and timeline are there.", ("Brief", look.url("brief")))


@provide("objective_logged")
def objective_logged(look: Look) -> Found:
    if not look.brief.business_objective:
        return failed("It is not written down.", ("Brief", look.url("brief")))
    return passed("It is in the brief.", ("Brief", look.url("brief")))


@provide("kpi_measurable")
def kpi_measurable(look: Look) -> Found:
    """A name, a unit, where it stands, where it shall stand in that direction, and by when."""
    brief = look.brief
    asked = {
        "name": brief.kpi_name,
        "unit": brief.kpi_unit,
        "target": brief.kpi_target is not None,
        "baseline": brief.kpi_baseline is not None,
        "deadline": brief.kpi_deadline is not None,
    }
    missing = [name for name, there in asked.items() if not there]
    if missing:
        return failed(f"What the KPI lacks: {', '.join(missing)}.", ("Brief", look.url("brief")))
    assert brief.kpi_target is not None
    assert brief.kpi_baseline is not None
    up = brief.kpi_direction == brief.Direction.UP
    if (brief.kpi_target > brief.kpi_baseline) != up or brief.kpi_target == brief.kpi_baseline:
        return failed("The target is not on the side of the baseline that it says.")
    return passed(
        f"{brief.kpi_name}: from {brief.kpi_baseline.normalize():f} to "
        f"{brief.kpi_target.normalize():f} {brief.kpi_unit} by {brief.kpi_deadline}.",
        ("Brief", look.url("brief")),
    )


@provide("brief_locked")
def brief_locked(look: Look) -> Found:
    if not look.brief.is_locked:
        return failed("It can still be changed.", ("Brief", look.url("brief")))
    return passed(f"Revision {look.brief.revision} is locked.", ("Brief", look.url("brief")))


@provide(stages.CHECKLIST)
def checklist(look: Look) -> Found:
    open_lines = [line.title for line in look.stage.checklist if not look.done(line)]
    if open_lines:
        return failed(f"Open: {'; '.join(open_lines)}.", ("Checklist", look.url("checklist")))
    return passed(
        f"All {len(look.stage.checklist)} lines are done.", ("Checklist", look.url("checklist"))
    )


@provide(stages.SIGNED)
def signed(look: Look) -> Found:
    label = look.stage.checkpoint.label
    if look.approval is None:
        return waiting(f"{label} was not asked for.", mend=_ASK)
    request = look.approval
    page = (request.ref, approval_links.page_of(request))
    assert look.visit is not None
    if request.status in {"open", "approved"} and not packets.stands(look.visit, request):
        return failed(f"What {request.ref} asked about has changed since.", page, mend=_AGAIN)
    if request.status == "approved":
        return passed(f"{request.ref} is approved.", page)
    if request.status == "open":
        return waiting(f"{request.ref} waits for {packets.missing_slots(request)}.", page,
                       mend="The people of these roles sign, each for themselves")  # fmt: skip
    words = request.get_status_display().lower()
    return failed(f"{request.ref} is {words}. {request.reason}".strip(), page, mend=_AGAIN)


_ASK = "The mission owner or the coordinator asks for it once everything else holds"
_AGAIN = "The mission owner or the coordinator asks for it again"


@provide("stage_before")
def stage_before(look: Look) -> Found:
    """Of the stage before this one: it is left as completed, or signed and about to be."""
    place = stages.SLUGS.index(look.stage.slug)
    before = stages.get(stages.SLUGS[place - 1])
    if look.visit is not None and look.visit.stage == before.slug:
        found = answer(stages.SIGNED, look.at(before.slug))  # asked already, at the end of it
        return found if found.state != "passed" else passed(f"{before.label} is signed.")
    last = look.last_visit(before.slug)
    if last is None and look.mission.source == Mission.Source.IMPORT:
        return not_applicable("It came from another system at a later stage.")
    if last is None or last.outcome != last.Outcome.COMPLETED:
        return failed(f"{before.label} is not completed.")
    return passed(f"{before.label} was left on {last.left_at:%Y-%m-%d}.")


@provide("packet_unchanged")
def packet_unchanged(look: Look) -> Found:
    """What was signed is what stands, and the signatures are not older than they may be. Asked
    again when it is run: a mission that came from another system past its plan has none."""
    visit = look.last_visit("plan_approve")
    request = visit.approval if visit is not None else None
    if visit is None or request is None:
        return failed("Nobody was asked here to sign what would run.")
    visit.mission = look.mission
    page = (request.ref, approval_links.page_of(request))
    if request.status != "approved":
        return failed(f"{request.ref} is {request.get_status_display().lower()}.", page)
    if request.expires_at <= look.now:
        return failed(f"{request.ref} was for the time until {request.expires_at:%Y-%m-%d}.", page)
    as_signed = packets.stands if visit.is_open else packets.runs_as_signed
    if not as_signed(visit, request):
        return failed(f"It is not what {request.ref} was signed for.", page)
    return passed(f"{request.ref} stands: {request.sha256[:12]}.", page)
