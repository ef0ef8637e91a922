"""Incidents in each state, with hostile words in every place where somebody's words stand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from incidents.models import Alert, Incident
from incidents.records import joining, levels, moving
from incidents.records.opening import open_incident
from incidents.response import acting as doing
from incidents.response import checks, deciding, missing, responding, roles, updates
from incidents.reviews import acting, writing
from incidents.status import services as status
from incidents.status import writing as writing_pages
from tests import make
from tests.kit import alerts


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One lively with alerts and a duplicate, and one in each other state."""
    actor = make.actor(root)

    def opened(title: str, severity: str = "sev3", **given: Any) -> Incident:
        return open_incident(workspace, actor=actor, title=title[:200], severity=severity, **given)

    lively = opened(long, "sev1", summary=f"{hostile}\n{long * 5}", symptoms=hostile)
    source = alerts.source(workspace, name="of incidents").source
    told = [alerts.incoming(f"Quiet {n} {hostile}"[:200], severity="info") for n in range(12)]
    alerts.tell(source, *told)
    found = Alert.objects.filter(source=source).values_list("pk", flat=True)
    joining.join(lively, list(found), clock.now())
    moving.acknowledge(lively, actor=actor)
    level = levels.level(workspace.pk, "sev1")
    missing.note_miss(lively, level, clock.now() - timedelta(minutes=20))
    updates.post_update(lively, actor=actor, text=hostile, subject=f"Told {hostile}"[:200])
    updates.post_update(
        lively, actor=actor, text=long * 4, subject=long[:200], audience="customers", draft=True
    )
    responding.save(
        workspace, actor=actor, title=hostile[:120],
        actions=[{"kind": "flag_off", "target": hostile[:200]}],
    )  # fmt: skip
    for kind, target in (("scale", hostile[:200]), ("flag_off", f"gone {hostile}"[:200])):
        doing.act(lively, kind, target, actor=actor, reason=hostile)
    moving.merge(opened(f"A copy {hostile}"), lively, actor=actor, reason=hostile)
    moving.cancel(opened(f"False {hostile}"), actor=actor, reason=hostile)
    row = moving.triage(
        opened(f"Triaged {hostile}", "sev4"), actor=actor, impact_percent=25, symptoms=hostile,
        started_at=clock.now() - timedelta(hours=3), tenants=[hostile[:120]],
        customer_facing=True,
    )  # fmt: skip
    moving.mitigate(row, actor=actor, reason=hostile)
    moving.mitigated(row, actor=actor, how=hostile)
    checks.note_check(row, "figures", "failed", actor=actor, remark=hostile)
    deciding.decide(lively, actor=actor, text=hostile, why=long)
    roles.assign(lively, "scribe", root, actor=actor)
    over = moving.resolve(opened(f"Over {hostile}", "sev2"), actor=actor, reason=hostile)
    writing.plan_review(over, actor=actor)
    review = writing.begin_review(over, actor=actor)
    review = writing.change_review(
        review,
        actor=actor,
        root_cause=hostile,
        trigger=hostile,
        factors=long,
        timeline=hostile,
        whys=[{"why": hostile[:200], "answer": hostile[:200]}],
        went_well=hostile,
        to_improve=hostile,
        lessons=hostile,
        documents=hostile,
        attendees=[hostile[:160]],
    )
    acting.add_action(
        review,
        actor=actor,
        kind="runbook",
        title=hostile[:200],
        owner=root,
        due_on=clock.now().date(),
    )
    writing.publish_review(review, actor=actor)
    done = moving.resolve(opened(f"Closed {hostile}"), actor=actor, reason=hostile, root_cause=long)
    moving.close(done, actor=actor, reason=hostile)
    page = status.create_page(
        workspace, actor=actor, slug="inhabited", title=hostile[:80], intro=hostile[:500],
        is_open=True, is_first=True,
    )  # fmt: skip
    updates.post_update(
        lively, actor=actor, text=hostile, audience="customers", kind="initial",
        subject=hostile[:200],
    )  # fmt: skip
    status.ask_for_mail(page.slug, "reader@example.com")
    writing_pages.write(page)
    levels.save_level(workspace, "incident", "sev4", actor=actor, definition=hostile[:400])
