"""A workspace where somebody is on duty, incidents in it, and engines by hand. Time is moved under
the rows, for it is the database's clock that is compared with."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.db.models.functions import Now

from controlplane.access.models import User, Workspace
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib.actors import Actor
from controlplane.notify.models import Delivery, OutboxMessage
from incidents.models import EscalationRun, Incident, IncidentReview, Page
from incidents.paging import policies, runs, stepping
from incidents.records import moving
from incidents.records.opening import open_incident
from incidents.response import checks
from incidents.reviews import writing
from tests import make
from tests.kit.api import Api

MINUTE = 60


class Watchroom:
    """One person for each role that the shipped ladders name first."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        self.workspace = workspace or make.workspace()

    def person(self, role: str, name: str = "") -> User:
        label = name or role.replace("_", " ").capitalize()
        return make.person(self.workspace, role, name=label, password=None)

    @cached_property
    def primary(self) -> User:
        return self.person("primary_operator")

    @cached_property
    def secondary(self) -> User:
        return self.person("secondary_operator")

    @cached_property
    def lead(self) -> User:
        return self.person("engineering_lead")

    @cached_property
    def security(self) -> User:
        return self.person("security_lead")

    @cached_property
    def vp(self) -> User:
        return self.person("vp_engineering")

    @cached_property
    def admin(self) -> User:
        return self.person("workspace_admin")

    def everybody(self) -> list[User]:
        return [self.primary, self.secondary, self.lead, self.security, self.vp, self.admin]

    def by(self, person: User) -> Actor:
        return make.actor(person)

    # --- Incidents ----------------------------------------------------------------------------

    def incident(self, severity: str = "sev3", **given: Any) -> Incident:
        """One, and whoever its level says is called by the next tick."""
        values = {"title": "Missions fail", "severity": severity, "actor": make.JOB, **given}
        return open_incident(self.workspace, **values)

    def quiet(self, severity: str = "sev3", **given: Any) -> Incident:
        """One for which nobody is called yet."""
        return self.incident(severity, pages=False, **given)

    def begin(self, incident: Incident, policy: str = "sev3", **given: Any) -> EscalationRun:
        values = {"why": "hand", "actor": make.JOB, **given}
        return runs.begin(incident, policy=policy, **values)

    def policy(
        self, *steps: tuple[int, list[dict[str, str]]], slug: str = "own", **given: Any
    ) -> Any:
        return policies.save_policy(
            self.workspace,
            slug,
            actor=make.JOB,
            title="Our own",
            steps=[{"wait_s": wait, "targets": targets} for wait, targets in steps],
            **given,
        )

    # --- Engines --------------------------------------------------------------------------------

    def tick(self) -> int:
        return stepping.work(time.monotonic() + 30)

    def promises(self) -> int:
        """Timers whose time has come."""
        return timers.work(time.monotonic() + 30)

    def later(self, seconds: float, *, tick: bool = True) -> int:
        """As if so much time had passed."""
        by = timedelta(seconds=seconds)
        EscalationRun.objects.filter(next_at__isnull=False).update(next_at=F("next_at") - by)
        Page.objects.filter(next_at__isnull=False).update(next_at=F("next_at") - by)
        Incident.objects.filter(acknowledged_at__isnull=False).update(
            acknowledged_at=F("acknowledged_at") - by
        )
        Timer.objects.filter(state="waiting").update(
            due_at=F("due_at") - by, ready_at=F("ready_at") - by
        )
        OutboxMessage.objects.filter(state="waiting").update(ready_at=Now())
        return self.tick() if tick else 0


def role(slug: str) -> dict[str, str]:
    return {"kind": "role", "ref": slug}


def run_of(incident: Incident) -> EscalationRun:
    found: EscalationRun = EscalationRun.objects.filter(incident=incident).latest("pk")
    return found


def pages(incident: Incident) -> list[tuple[int, int, str]]:
    """(round, step, whom) of every call, in their order."""
    rows = Page.objects.filter(incident=incident).select_related("user", "channel", "contact")
    return [(row.round, row.step, row.whom or row.target) for row in rows.order_by("pk")]


def called(incident: Incident) -> list[str]:
    return [whom for _, _, whom in pages(incident)]


def deliveries(incident: Incident) -> list[Delivery]:
    rows = Delivery.objects.filter(
        notification__in=Page.objects.filter(incident=incident).values("notification")
    )
    return list(rows.order_by("pk"))


class Caller:
    """Somebody at the API, as with a console session. What is refused comes back as it is."""

    def __init__(self, person: User) -> None:
        self.api = Api(browser=make.client(person))

    def get(self, path: str, **query: Any) -> Any:
        return self._well(self.api.get(f"{path}?{urlencode(query)}" if query else path))

    def post(self, path: str, data: Any = None) -> Any:
        return self._well(self.api.post(path, data))

    def put(self, path: str, data: Any) -> Any:
        return self._well(self.api.send("PUT", path, data))

    def refused(self, method: str, path: str, data: Any = None) -> Any:
        return self.api.get(path) if method == "GET" else self.api.send(method, path, data)

    @staticmethod
    def _well(answer: Any) -> Any:
        assert answer.status_code in {200, 201}, answer.content[:500]
        return answer.json()


# --- Reviews ------------------------------------------------------------------------------------

WRITTEN = {
    "trigger": "A deploy.", "went_well": "Somebody was there.", "to_improve": "Tests of it.",
    "whys": [{"why": "Why did it fail?", "answer": "Nobody tried it."}],
    "no_actions": "All of it is done.", "documents": "Nothing has changed.",
}  # fmt: skip


def over(room: Watchroom, severity: str = "sev2", **given: Any) -> Incident:
    return moving.resolve(room.quiet(severity, **given), actor=make.JOB, reason="It works.")


def written(row: Incident, *, actor: Actor = make.JOB, **given: Any) -> IncidentReview:
    """A review that may be published."""
    review = writing.begin_review(row, actor=actor)
    values = {"root_cause": "A config was wrong.", **WRITTEN, **given}
    return writing.change_review(review, actor=actor, **values)


def looked(row: Incident, *, actor: Actor = make.JOB) -> Incident:
    """Everybody looked: it works again, and customers need not be told."""
    for slug in checks.KINDS:
        outcome, remark = ("waived", "Nobody noticed.") if slug == "customers" else ("ok", "")
        checks.note_check(row, slug, outcome, actor=actor, remark=remark)
    return row


def reviewed(row: Incident, *, actor: Actor = make.JOB) -> IncidentReview:
    return writing.publish_review(written(row, actor=actor), actor=actor)
