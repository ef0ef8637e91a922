"""Who is told what, and when. News are rows, written with the change; sending is the outbox's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controlplane.access.models import User
from controlplane.audit.refs import subject_ref
from controlplane.lib.text import counted
from controlplane.notify import wording
from controlplane.notify.models import Notification
from controlplane.notify.services import To, notify
from deployments import links
from deployments.gates.computing import told_key
from deployments.gates.looking import Look
from deployments.models import Deployment, Snapshot

STAKEHOLDERS = ("release_manager", "engineering_lead", "product_manager")

wording.register(
    "deployment.window",
    "On-call is told of a deployment",
    subject="{ref} goes to {environment} {when}: {title}",
    body="You are on duty then. Tier {tier}, {kind}. Rollback: {rollback}",
)
wording.register(
    "deployment.event",
    "A deployment came to another state",
    subject="{ref} {what}: {title}",
    body="{release} in {environment}. {why}",
)
wording.register(
    "deployment.breach",
    "A deployment made things worse",
    subject="{ref} made things worse: {title}",
    body="{why} Rolling it back is one click on its page.",
)
wording.register(
    "deployment.announced",
    "A release is live",
    subject="{release} is live in {environment}",
    body="{figures}\n\n{notes}\n\nWork item: {item}. Ready now: {ready}.",
)
wording.register(
    "deployment.papers",
    "A hotfix still owes its documentation",
    subject="{ref} owes its documentation: {title}",
    body="Due {due}. Open: {open}.",
)


def _send(
    deployment: Deployment,
    kind: str,
    name: str,
    *,
    people: Iterable[User | int | None] = (),
    roles: Iterable[str] = (),
    channels: bool = False,
    urgent: bool = False,
    **values: Any,
) -> Notification:
    ids = [person.pk if isinstance(person, User) else person for person in people]
    return notify(
        workspace_id=deployment.workspace_id,
        kind=kind,
        to=To(
            users=[pk for pk in ids if pk],
            roles=list(roles),
            channels=None if channels else (),
        ),
        key=name if name.startswith("deployment:") else f"deployment:{deployment.uid}:{name}",
        values={
            "ref": deployment.ref,
            "title": deployment.title,
            "release": deployment.running_release,
            "environment": str(deployment.environment),
            "tier": deployment.tier,
            "kind": deployment.get_kind_display().lower(),
            **values,
        },
        urgency="critical" if urgent else "normal",
        link=links.page_of(deployment),
        about=subject_ref(deployment),
    )


def tell_on_call(deployment: Deployment, look: Look | None = None) -> None:
    """Before it goes: whoever is on duty then, each once. Told anew when the time moves; whoever
    takes a shift over is told, too. Where nobody is on duty nothing is claimed to have been."""
    look = look or Look(deployment)
    people = [duty.person.pk for duty in look.on_duty]
    if not people:
        return
    watcher = deployment.watcher_id
    for person in dict.fromkeys([*people, *([watcher] if watcher is not None else [])]):
        _tell_of_window(deployment, person)


def _tell_of_window(deployment: Deployment, person: int) -> None:
    key = told_key(deployment, person)
    if Notification.objects.filter(workspace_id=deployment.workspace_id, key=key).exists():
        return
    planned = deployment.planned_at
    _send(
        deployment,
        "deployment.window",
        key,
        people=[person],
        when=f"at {planned:%Y-%m-%d %H:%M} UTC" if planned else "as soon as it is ready",
        rollback=deployment.rollback_plan[:500] or "not written yet.",
    )


_WHAT = {
    "deploying": "started",
    "completed": "is completed",
    "failed": "failed",
    "rolled_back": "was rolled back",
    "blocked": "is blocked",
    "cancelled": "is cancelled",
}


def tell_state(deployment: Deployment, why: str = "") -> None:
    what = _WHAT.get(deployment.status)
    if what is None:
        return
    _send(
        deployment,
        "deployment.event",
        f"{deployment.status}:{deployment.version}",
        roles=STAKEHOLDERS,
        people=[deployment.watcher_id],
        channels=deployment.is_guarded,
        what=what,
        why=why,
    )


def tell_breach(deployment: Deployment, words: str) -> None:
    _send(
        deployment,
        "deployment.breach",
        "breach",
        roles=[*STAKEHOLDERS, "primary_operator"],
        people=[deployment.watcher_id, *(duty.person for duty in Look(deployment).on_duty)],
        channels=True,
        urgent=True,
        why=words,
    )


def announce(deployment: Deployment, snapshot: Snapshot | None) -> Notification:
    """To everybody who follows releases: what is live, how it fares, what is ready next."""
    figures = snapshot.figures if snapshot is not None else {}
    ready = ", ".join(each["key"] for each in figures.get("ready", [])) or "nothing"
    return _send(
        deployment,
        "deployment.announced",
        "announced",
        roles=STAKEHOLDERS,
        channels=True,
        figures=figures_in_words(figures),
        notes=deployment.release_notes[:2000] or "No release notes.",
        item=deployment.item.key if deployment.item is not None else "none",
        ready=ready,
    )


def announcement_of(deployment: Deployment) -> Notification | None:
    found: Notification | None = Notification.objects.filter(
        workspace_id=deployment.workspace_id, key=f"deployment:{deployment.uid}:announced"
    ).first()
    return found


def tell_papers(deployment: Deployment, owed: Iterable[str], name: str) -> None:
    due = deployment.docs_due_at
    _send(
        deployment,
        "deployment.papers",
        name,
        roles=["engineering_lead", "release_manager"],
        people=[deployment.watcher_id],
        due=f"{due:%Y-%m-%d %H:%M} UTC" if due else "now",
        open=", ".join(owed),
    )


def figures_in_words(figures: dict[str, Any]) -> str:
    """ "Error rate 0.4 %, p95 180 ms, 1,204 requests …": what is not known is left out."""
    said = []
    if figures.get("error_rate") is not None:
        said.append(f"error rate {figures['error_rate']:.2%}")
    if figures.get("p95_ms") is not None:
        said.append(f"p95 {figures['p95_ms']:,.0f} ms")
    if figures.get("requests") is not None:
        said.append(f"{figures['requests']:,.0f} requests")
    if figures.get("ingestion_per_min") is not None:
        said.append(f"{figures['ingestion_per_min']:,.1f} events a minute")
    if figures.get("safeguard_violations") is not None:
        said.append(counted(figures["safeguard_violations"], "safeguard violation"))
    return (", ".join(said) or "nothing was measured").capitalize() + "."
