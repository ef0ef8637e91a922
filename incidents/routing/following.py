"""What follows from alerts that open no incident: a work item that somebody looks into within its
time, a note on the open release; and what rules ask for besides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from controlplane.access.models import User, Workspace
from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, moments
from controlplane.notify import wording
from controlplane.notify.models import Urgency
from controlplane.notify.services import To, notify
from controlplane.notify.services.contacts import who
from controlplane.oncall import duty
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.models import Deployment
from incidents import links
from incidents.intake.normal import Incoming
from incidents.models import Alert, AlertSource, Incident
from incidents.paging import runs
from incidents.records.noting import PORTAL
from incidents.routing.judging import Outcome, Verdict

INVESTIGATE, STILL = "alert.investigate", "incident.still_fires"
GOVERNANCE = "governance_validator"
wording.register(
    "alert.warning",
    "A warning is to be looked into",
    subject="{title}",
    body="{advice}\n\nLook into it by {due}. Work item: {item}.",
)
wording.register(
    "alert.neglected",
    "Nobody looked into a warning in time",
    subject="Nobody took {item}: {title}",
    body="It was to be looked into by {due}, and nobody did.",
)
wording.register(
    "alert.governance",
    "An alert concerns governance",
    subject="{title}",
    body="{advice}\n\nWork item: {item}.",
)


def follow(
    source: AlertSource, key: str, verdict: Verdict, first: Incoming, count: int
) -> int | None:
    """An item, a note, or nothing; the item's key where there is one."""
    outcome = verdict.outcome
    if outcome.opens == "note":
        _note(source.workspace_id, verdict, first)
    if outcome.opens != "item":
        return None
    item, made = _item(source, key, verdict, first)
    if made:
        _tell(source.workspace, item, verdict, first)
    else:
        _again(item, first, count)
    return int(item.pk)


def _item(source: AlertSource, key: str, verdict: Verdict, first: Incoming) -> tuple[Item, bool]:
    outcome = verdict.outcome
    known = "\n".join(f"{name}: {value}" for name, value in sorted(first.labels.items()))
    project = work.ensure_operations_project(source.workspace, actor=PORTAL)
    ensured = work.ensure(
        project,
        f"alert:{key}"[:200],
        actor=PORTAL,
        title=first.title[:200],
        item_type="task" if outcome.governance else "bug",
        priority=2 if outcome.item_priority is None else outcome.item_priority,
        labels=sorted({"alert", *outcome.tags, *(["governance"] if outcome.governance else [])}),
        assignee=_assignee(source.workspace, outcome),
        description="\n\n".join(
            part for part in (first.description, known, outcome.advice) if part
        )[:16_000],
    )
    return ensured.item, ensured.created


def _assignee(workspace: Workspace, outcome: Outcome) -> str:
    if outcome.governance:
        for person in _governance(workspace):
            return person.email
    return _on_duty(workspace.pk)


def _governance(workspace: Workspace) -> Sequence[User]:
    """Whom the book names for it, or else whoever holds the role."""
    named = who(workspace, f"{GOVERNANCE}_lead").people
    return named or who(workspace, GOVERNANCE).people


def _on_duty(workspace_id: int) -> str:
    for role in ("primary_operator", "secondary_operator"):
        found = duty.on_duty(role, workspace=workspace_id)
        if found:
            return found[0].person.email
    return ""


def _again(item: Item, first: Incoming, count: int) -> None:
    more = f" and {count - 1} more" if count > 1 else ""
    work.comment(item, f"It fires again: {first.title}{more}", actor=PORTAL)


def _tell(workspace: Workspace, item: Item, verdict: Verdict, first: Incoming) -> None:
    outcome = verdict.outcome
    due = ""
    if outcome.investigate_s:
        at = clock.now() + timedelta(seconds=outcome.investigate_s)
        due = moments.utc(at)
        timers.set_timer(
            INVESTIGATE,
            key=f"{INVESTIGATE}:{item.uid}",
            due_at=at,
            subject=subject_ref(item),
            workspace_id=workspace.pk,
            payload={"item": item.pk, "due": due},
        )
    roles = {"primary_operator", *outcome.notify_roles}
    if outcome.governance:
        roles.discard(GOVERNANCE)  # who has news of their own
    to = To(roles=sorted(roles), channels=None)
    _news("alert.warning", item, verdict, first, to=to, due=due or "your next look")
    besides(item, verdict, first)


def _news(
    kind: str, item: Item, verdict: Verdict, first: Incoming, *, to: To, due: str = ""
) -> None:
    notify(
        workspace_id=item.workspace_id,
        kind=kind,
        to=to,
        key=f"{kind}:{item.uid}",
        values={
            "title": first.title[:180],
            "advice": verdict.outcome.advice or first.description[:2_000],
            "due": due,
            "item": item.key,
        },
        urgency=Urgency.NORMAL,
        link=links.page_of(item),
        about=subject_ref(item),
    )


def besides(item: Item, verdict: Verdict, first: Incoming) -> None:
    """What a rule asks for beside the item or the incident, once when that is opened: governance
    is told, and the open release."""
    if verdict.outcome.governance:
        people = [person.pk for person in _governance(item.workspace)]
        # A lead without an account can take no task, which stays with whoever holds the role.
        book = [contact.pk for contact in who(item.workspace, f"{GOVERNANCE}_lead").contacts]
        to = To(users=people, roles=() if people else (GOVERNANCE,), contacts=book)
        _news("alert.governance", item, verdict, first, to=to)
    if verdict.outcome.notes:
        _note(item.workspace_id, verdict, first)


@timers.on(INVESTIGATE)
@transaction.atomic
def neglected(timer: Timer) -> None:
    """Nobody has touched it in its time: whoever leads hears of it."""
    item = Item.objects.filter(pk=timer.payload["item"]).first()
    if item is None or item.category != "open" or item.status != "open":
        return
    notify(
        workspace_id=item.workspace_id,
        kind="alert.neglected",
        to=To(roles=("secondary_operator", "engineering_lead")),
        key=f"alert.neglected:{item.uid}:{timer.due_at:%Y%m%d%H%M}",
        values={"item": item.key, "title": item.title, "due": timer.payload["due"]},
        urgency=Urgency.NORMAL,
        link=links.page_of(item),
        about=subject_ref(item),
    )


def _note(workspace_id: int, verdict: Verdict, first: Incoming) -> None:
    """On what is on its way into an environment people use."""
    rows = Deployment.objects.filter(workspace=workspace_id).under_way().select_related("item")
    if verdict.service is not None:
        near = rows.filter(parts__component__service=verdict.service)
        rows = near if near.exists() else rows
    for deployment in rows.order_by("-pk")[:3]:
        text = f"{first.title}\n{first.description[:1_000]}".strip()
        work.say_later(deployment, f"Alert: {text}", actor=PORTAL, portal=PORTAL)


def hooks(incident: Incident, verdict: Verdict) -> None:
    """What the rule asks for besides: others after a time in which it still fires."""
    outcome = verdict.outcome
    if outcome.escalate_s and outcome.escalate_to:
        timers.set_timer(
            STILL,
            key=f"{STILL}:{incident.uid}:{outcome.escalate_to}",
            due_at=incident.opened_at + timedelta(seconds=outcome.escalate_s),
            subject=subject_ref(incident),
            workspace_id=incident.workspace_id,
            payload={"incident": incident.pk, "role": outcome.escalate_to},
        )


@timers.on(STILL)
@transaction.atomic
def still_fires(timer: Timer) -> None:
    incident = Incident.objects.burning().filter(pk=timer.payload["incident"]).first()
    if incident is None or not incident.alerts.firing().exists():
        return
    runs.call_role(
        incident, timer.payload["role"], why="late", actor=PORTAL,
        reason="It fires still.",
    )  # fmt: skip


def over(alerts: Sequence[int]) -> None:
    """Items that nobody took are closed with the last of their alerts; others are told."""
    items = set(
        Alert.objects.filter(pk__in=alerts, item__isnull=False).values_list("item", flat=True)
    )
    for item in Item.objects.filter(pk__in=items).exclude(category="done").order_by("pk"):
        if Alert.objects.firing().filter(item=item).exists():
            continue
        if item.status == "open":
            work.close_item(item, actor=PORTAL, reason="The alerts it stands for are over.")
        else:
            work.comment(item, "The alerts it stands for are over.", actor=PORTAL)
