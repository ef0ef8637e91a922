"""A run begins: somebody is called, step by step, until somebody answers."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access import policy as access
from controlplane.audit.services import record
from controlplane.jobs import nudges
from controlplane.lib.actors import Actor
from controlplane.lib.text import short
from controlplane.notify.models import Contact
from incidents.models import EscalationRun, Incident, Ticket
from incidents.paging import policies, shipped
from incidents.paging.ending import end_runs
from incidents.paging.matters import which
from incidents.paging.targets import Target

Why = EscalationRun.Why
# A graver level calls in the place of what called before it; whom somebody asked for stays asked.
BY_LEVEL = (Why.OPENED, Why.RAISED, Why.MORE, Why.SILENT)
# Asked for again while it runs: whoever comes next is called now.
_HURRIES = frozenset({Why.HAND, Why.LATE, Why.RAISED})


@transaction.atomic
def begin(
    matter: Incident | Ticket,
    *,
    policy: str,
    why: str,
    actor: Actor,
    reason: str = "",
    also: Iterable[str] = (),
) -> EscalationRun:
    """Call by this policy, beginning now; `also`: roles, and some of the contact book, who are
    called with the next step beside those it names. Where the policy calls for this already
    nobody is called twice: what was asked for by hand goes on to its next step at once."""
    version, said = policies.find(matter.workspace_id, policy)
    extra = sorted({each for each in also if each in access.PEOPLE or Target.is_entry(each)})
    running = EscalationRun.objects.filter(**which(matter), status="running")
    if why == Why.RAISED:
        rows = running.filter(why__in=BY_LEVEL).exclude(policy__policy=version.policy_id)
        end_runs(rows, "It became graver: others are called.")
    there = running.filter(policy__policy=version.policy_id)
    known = there.select_for_update(of=("self",), no_key=True).order_by("pk").first()
    if known is not None:
        return _join(known, why, extra, actor, reason)
    run = EscalationRun(
        workspace_id=matter.workspace_id,
        **which(matter),
        policy=version,
        why=why,
        reason=short(" ".join(part for part in (reason.strip(), said) if part), 500),
        also=extra,
    )
    # The database's clock: it is what the engine compares with.
    run.next_at = Now()
    run.started_at = Now()
    run.save(force_insert=True)
    run.refresh_from_db(fields=["next_at", "started_at"])
    record(
        actor, "paging.begin", matter, reason=run.reason,
        after={"policy": version.policy.slug, "version": version.number, "why": why,
               "run": str(run.uid)},
    )  # fmt: skip
    nudges.after_commit()
    return run


def call_role(
    incident: Incident, role: str, *, why: str, actor: Actor, reason: str = ""
) -> EscalationRun:
    """One role, beside whoever is called already: by its own policy where it has one, by one that
    calls no one else where it has none."""
    own = role.replace("_", "-")
    if own in policies.in_force(incident.workspace_id):
        return begin(incident, policy=own, why=why, actor=actor, reason=reason)
    return begin(incident, policy=shipped.NAMED, why=why, actor=actor, reason=reason, also=(role,))


def call_contact(
    incident: Incident, contact: Contact, *, actor: Actor, message: str
) -> EscalationRun:
    """One of the contact book and no one else, with a message of their own."""
    entry = Target.entry(contact.uid)
    return begin(
        incident, policy=shipped.NAMED, why=Why.HAND, actor=actor, reason=message, also=(entry,)
    )


def _join(
    run: EscalationRun, why: str, also: list[str], actor: Actor, reason: str
) -> EscalationRun:
    more = sorted({*run.also, *also})
    changes: dict[str, object] = {}
    if more != run.also:
        changes["also"] = more
    if "also" in changes and run.policy.policy.slug == shipped.NAMED:
        # It has one step, which was taken: whoever was named after that is called by it, too, and
        # reads what is said now.
        changes.update(next_at=Now(), step=0, round=0)
        if reason.strip():
            changes["reason"] = short(reason.strip(), 500)
    elif why in _HURRIES and run.step + run.round > 0:
        changes["next_at"] = Now()
    if not changes:
        return run
    EscalationRun.objects.filter(pk=run.pk).update(**changes, version=F("version") + 1)
    run.refresh_from_db()
    record(actor, "paging.hurry", run.matter, reason=reason, after={"run": str(run.uid)})
    nudges.after_commit()
    return run
