"""Somebody who may ask that their data goes, and who looks after such requests."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import time_machine

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.notify import services as notify
from controlplane.privacy import services
from controlplane.privacy.models import Consent, DeletionRequest
from tests import make

_NUMBERS = itertools.count(1)


class Scene:
    def __init__(self) -> None:
        self.ws = make.workspace()
        self.admin = make.person(self.ws, "workspace_admin")
        self.officer = make.person(self.ws, "privacy_officer")
        self.robin = make.person(
            self.ws,
            "primary_operator",
            email=f"robin.gone.{next(_NUMBERS)}@example.org",
            name="Robin Gone",
        )
        notify.add_contact(
            self.ws, actor=make.actor(self.admin), purpose="security_lead", name="Robin Gone",
            user=self.robin, phone="+49 30 1234567",
        )  # fmt: skip
        make.agent(self.ws, owner=self.robin, name="helper")

    def ask(self, by: User | None = None, **fields: Any) -> DeletionRequest:
        actor = make.actor(by or self.robin)
        return services.ask_erasure(self.ws, self.robin, actor=actor, **fields)


def days(number: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(days=number), tick=False)


def inhabit(here: Workspace, root: User, *, hostile: str, long: str) -> None:
    """A policy that some agreed to, a request that waits and one that is held, a copy."""
    actor = make.actor(root)
    first = services.publish_policy(here, actor=actor, text=f"# Kept\n\n{hostile}", changes=long)
    services.answer_policy(first, True, actor=actor, door=Consent.Door.CONSOLE)
    services.publish_policy(here, actor=actor, text=f"# Kept, too\n\n{hostile}", changes=hostile)
    reader = make.person(here, "viewer", name=hostile[:120])
    services.record_consent(first, reader, actor=actor, evidence=hostile, agree=False)
    services.ask_erasure(here, reader, actor=actor, reason=hostile)
    other = make.person(here, "viewer", name="Held Back")
    held = services.ask_erasure(here, other, actor=actor)
    services.hold(held, actor=actor, reason=hostile)
    gone = services.ask_erasure(here, make.person(here, "viewer"), actor=actor)
    services.erase(gone, actor=actor)
    given: dict[str, Any] = {"actor": actor, "reason": hostile}
    services.place_hold(here, **given, kind="class", slug="alerts.events")
    services.place_hold(here, **given, kind="person", person=reader)
    over = services.place_hold(here, **given, kind="everything")
    services.lift_hold(over, actor=actor, reason=hostile)
    _comply(here, actor, hostile, long)


def _comply(here: Workspace, actor: Any, hostile: str, long: str) -> None:
    """Files of a control, one of them replaced; a control that does not apply; a report."""
    year = f"{clock.now():%Y}"
    given: dict[str, Any] = {"actor": actor, "control": "penetration-test", "period": year}
    first = services.add_evidence(
        here, **given, filename=f"{hostile}.txt", content=b"First.", title=hostile, note=hostile
    )
    services.add_evidence(
        here, **given, filename="second.txt", content=b"Second.", title=long[:200], replaces=first
    )
    quarter = f"{year}-Q{(clock.now().month + 2) // 3}"
    services.say_scope(
        here, actor=actor, control="storage-versions", period=quarter, applies=False,
        reason=hostile,
    )  # fmt: skip
    services.make_report(here, actor=actor, period=quarter)
    services.report_copy(
        here,
        actor=actor,
        system=hostile[:80],
        target="staging",
        taken_at=clock.now(),
        rules=hostile,
        proof={"tables": {"access_user": ["email", "name"]}, "emptied": ["audit_auditevent"]},
    )
