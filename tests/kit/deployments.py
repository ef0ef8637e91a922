"""A workspace that deploys, with everybody around it."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from django.db.models.functions import Now

from controlplane.access.models import User, Workspace
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Component, Environment
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify import outbox
from controlplane.work import services as work
from controlplane.work.services import github
from deployments import services
from deployments.gates import table
from deployments.models import Adapter, Deployment, Gate, Step
from tests import make
from tests.kit import oncall

T = TypeVar("T")
SHA = "1f" * 20
BASE = "2e" * 20
DIGEST = "sha256:" + "ab" * 32
PLAN = "Deploy the version before; two minutes, no data is lost."
FACTS = {
    "commit_sha": SHA,
    "ci_url": "https://ci.example.org/runs/7",
    "image_tag": "v4.2.0",
    "image_digest": DIGEST,
    "release_notes": "Plans missions with the second planner.",
    "rollback_plan": PLAN,
    "evidence_path": "docs/readiness/4.2.0/",
    "backup_ref": "backup of 03:15",
}
HOTFIX = {
    "hotfix_trigger": "outage",
    "branch": "hotfix/retries",
    "base_sha": BASE,
    "scope_note": "Stops after five tries; nothing else is touched.",
}


def there(found: T | None) -> T:
    """What must be there by now."""
    assert found is not None
    return found


class World:
    """A release manager who deploys, a lead, everybody a tier may ask, and the components."""

    def __init__(self, workspace: Workspace | None = None, manager: User | None = None) -> None:
        self.workspace = workspace or make.workspace()
        self.manager = manager or make.person(self.workspace, "release_manager", name="Rhea Lane")
        self.actor = make.actor(self.manager)

    @cached_property
    def lead(self) -> Actor:
        return self.someone("engineering_lead")

    def someone(self, *roles: str) -> Actor:
        return make.actor(make.person(self.workspace, *roles))

    def place(self, slug: str = "production") -> Environment:
        found: Environment = Environment.objects.get(workspace=self.workspace, slug=slug)
        return found

    def component(self, kind: str = "agent") -> Component:
        found = Component.objects.filter(workspace=self.workspace, kind=kind).first()
        if found is None:
            found = catalog.add_component(
                self.workspace, actor=make.JOB, slug=kind, name=kind.title(), kind=kind
            )
        return found

    def on_call(self, person: User | None = None) -> User:
        """Somebody is on duty from now on."""
        person = person or make.person(self.workspace, "primary_operator", name="Olu Grant")
        begin = (clock.now() - timedelta(days=8)).date()
        made = oncall.schedule(self.workspace, time_zone="UTC")
        oncall.layer(made, [person], starts_on=begin)
        return person

    def draft(
        self, where: str = "staging", *, kinds: tuple[str, ...] = ("agent",), **given: Any
    ) -> Deployment:
        values: dict[str, Any] = {"release": "4.2.0", **FACTS, **given}
        values.setdefault("actor", self.actor)
        return services.create_deployment(
            self.workspace,
            environment=self.place(where),
            components=[self.component(kind) for kind in kinds],
            **values,
        )

    def prepared(self, where: str = "staging", **given: Any) -> Deployment:
        return services.prepare(self.draft(where, **given), actor=self.actor)

    def settle(self, row: Deployment, phase: str = "before") -> None:
        """Tick or waive whatever is open, as people with all the rights would."""
        for gate in services.look_at_gates(row, phase=phase):
            definition = table.GATES[gate.slug]
            if gate.is_settled or definition.at_start or gate.slug == "watched":
                continue
            if gate.computed:
                services.waive_gate(gate, actor=self.lead, reason="Not asked for in this test.")
            else:
                services.tick_gate(gate, actor=self.lead, detail="Looked at.")

    def ready(self, where: str = "staging", **given: Any) -> Deployment:
        row = self.prepared(where, **given)
        self.settle(row)
        return services.declare_ready(again(row), actor=self.actor)

    def approved(self, where: str = "staging", **given: Any) -> Deployment:
        row = self.ready(where, **given)
        self.sign(row)
        return again(row)

    def sign(self, row: Deployment) -> None:
        """Everybody who is asked says yes."""
        request = again(row).approval
        if request is None or request.status != "open":
            return
        for slot in request.slots.order_by("position"):
            request = Request.objects.get(pk=request.pk)
            signer = self.someone(slot.roles[0])
            approvals.decide(request, "approved", actor=signer, sha256=request.sha256)

    def started(self, where: str = "staging", **given: Any) -> Deployment:
        return services.start(self.approved(where, **given), actor=self.actor)

    def do_steps(self, row: Deployment) -> Deployment:
        for step in Step.objects.filter(deployment=row).order_by("position"):
            services.finish_step(step, actor=self.actor, output="ok", exit_code=0)
        return again(row)

    def verifying(self, where: str = "staging", **given: Any) -> Deployment:
        return self.do_steps(self.started(where, **given))

    def watched(self, where: str = "staging", **given: Any) -> Deployment:
        row = self.verifying(where, **given)
        self.settle(row, "after")
        return services.begin_watch(again(row), actor=self.actor)

    def completed(self, where: str = "staging", **given: Any) -> Deployment:
        row = self.watched(where, **given)
        services.close(row, actor=self.actor, reason="Live and stable.", early=True)
        return again(row)

    def gate(self, row: Deployment, slug: str) -> Gate:
        found: Gate = Gate.objects.select_related("deployment__environment").get(
            deployment=row, slug=slug
        )
        return found

    def adapter(self, **given: Any) -> Adapter:
        """One that is switched on: a command that says hello."""
        values: dict[str, Any] = {
            "title": "Deploy the agent",
            "kind": "command",
            "argv": ["/bin/echo", "hello {release}"],
            "environments": [self.place("staging"), self.place("production")],
            **given,
        }
        if values["kind"] == "hook":
            values.pop("argv") if values.get("url") else None
        slug = values.pop("slug", "deploy")
        on = values.pop("on", True)
        made = services.add_adapter(self.workspace, slug, actor=self.lead, **values).adapter
        if on:
            made = services.switch_adapter(made, actor=self.lead, on=True, reason="Tried it.")
        return made

    def repository(self, name: str = "acme/portal") -> Any:
        project = work.ensure_operations_project(self.workspace, actor=make.JOB)
        return github.add_source(project, actor=self.lead, repository=name)


def again(row: Deployment) -> Deployment:
    found: Deployment = Deployment.objects.select_related(
        "environment", "workspace", "item", "approval", "flag", "reverses", "previous"
    ).get(pk=row.pk)
    return found


def steps(row: Deployment) -> list[Step]:
    return list(Step.objects.filter(deployment=row).order_by("position"))


def deliver() -> None:
    """Send all that waits in the outbox, however slow the machine is."""
    while outbox.work(time.monotonic() + 5):
        pass


def fire() -> None:
    """Whatever is due by the portal's clock, as if the database's agreed with it."""
    due = Timer.objects.filter(state="waiting", due_at__lte=clock.now())
    due.update(ready_at=Now())
    timers.work(time.monotonic() + 5)
