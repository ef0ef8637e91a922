"""What the database refuses of what guards missions, whoever writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from controlplane.lib import clock
from missions import services
from missions.models import (
    DataInspection,
    Finding,
    Mission,
    MissionToolkit,
    Override,
    PolicyTemplate,
    Safeguard,
    SafeguardAck,
    TemplateVersion,
    ToolkitConnection,
    Violation,
)
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import all_answered

pytestmark = pytest.mark.servers


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.started()


def refused(write: Callable[[], Any], words: str) -> None:
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        write()


def test_safeguards__move_in_define_only(world: World, row: Mission) -> None:
    guards = Safeguard.objects.filter(pk=world.guard(row).pk)
    decided = {"decided_at": clock.now(), "decided_by": "x", "reason": "x"}
    refused(lambda: guards.update(status="edited", **{**decided, "reason": ""}), "says_why")
    refused(lambda: guards.update(status="accepted"), "decided_by_somebody")
    refused(lambda: guards.update(template_number=9), "is history")
    refused(lambda: guards._raw_delete("default"), "is history")
    guards.update(status="accepted", **decided)
    refused(lambda: guards.update(status="suggested", decided_at=None, decided_by=""),
            "does not move")  # fmt: skip
    with all_answered():
        later = world.in_stage("prepare")
    refused(lambda: later.safeguards.update(reason="x"), "settled in Define")
    made = Safeguard(mission=later, title="x", category="data", justification="x",
                     suggested_by="x")  # fmt: skip
    refused(lambda: made.save(force_insert=True), "settled in Define")


def test_acknowledged__once_by_two_and_never_again(world: World, row: Mission) -> None:
    world.settled(row)
    acks = SafeguardAck.objects.filter(mission=row)
    refused(lambda: acks.update(digest="0" * 64), "is history")
    [first, _] = acks.order_by("pk")
    same = SafeguardAck(mission=row, slot="gv", revision=first.revision, digest="1" * 64,
                        person=world.owner)  # fmt: skip
    refused(lambda: same.save(force_insert=True), "no validator of the mission")


def test_findings__stay_as_reported_and_pass_with_a_grant_only(world: World, row: Mission) -> None:
    found = world.found(row)
    rows, of_violation = Finding.objects.filter(pk=found.pk), Violation.objects.filter(mission=row)
    refused(lambda: rows.update(severity="low"), "is history")
    refused(lambda: rows.update(message="x"), "is history")
    refused(lambda: rows.update(status="excepted"), "nobody let this finding pass")
    refused(lambda: rows.update(status="noted"), "does not move|finding_failed")
    refused(lambda: rows._raw_delete("default"), "is history")
    ended = {"settled_at": clock.now(), "settled_by": "x"}
    refused(lambda: of_violation.update(status="settled", **ended), "finding of the violation")
    second = Violation(mission=row, severity="high", paused=False)
    refused(lambda: second.save(force_insert=True), "violation_one_at_a_time")
    missions = Mission.objects.filter(pk=row.pk)
    calm = {"paused_at": None, "paused_cause": "", "paused_by": "", "pause_reason": ""}
    refused(lambda: missions.update(status="active", **calm), "violation of its safeguards")
    twin = Finding(mission=row, external_id=found.external_id, phase="run", stage="define",
                   result="passed", severity="low", found_at=clock.now(),
                   reported_by="x")  # fmt: skip
    refused(lambda: twin.save(force_insert=True), "finding_once")
    twin.episode = 2
    refused(lambda: twin.save(force_insert=True), "found again once it was put right")
    refused(lambda: rows.update(episode=2), "is history")
    services.resolve_finding(found, actor=world.gv, reason="Put right.")
    twin.episode = 3
    refused(lambda: twin.save(force_insert=True), "found again once it was put right")
    twin.episode = 2
    twin.save(force_insert=True)
    third = Finding(mission=row, external_id=found.external_id, phase="run", stage="define",
                    result="passed", severity="low", found_at=clock.now(), reported_by="x",
                    episode=3)  # fmt: skip
    refused(lambda: third.save(force_insert=True), "found again once it was put right")


def test_exceptions__end_have_a_role_and_are_not_ones_own(world: World, row: Mission) -> None:
    asked = world.asked_to_pass(world.found(row, severity="low"))
    rows, now = Override.objects.filter(pk=asked.pk), clock.now()
    granted: dict[str, Any] = {
        "status": "granted", "decided_by": "user:9", "decided_at": now,
        "role": "governance_validator", "expires_at": now.replace(year=now.year + 1),
    }  # fmt: skip
    refused(lambda: rows.update(**{**granted, "expires_at": None}), "override_ends")
    refused(lambda: rows.update(**{**granted, "role": "viewer"}), "override_")
    refused(lambda: rows.update(**{**granted, "role": "operations_command"}), "validator")
    refused(lambda: rows.update(**{**granted, "decided_by": asked.requested_by}), "ones_own")
    refused(lambda: rows.update(status="expired", ended_at=now, ended_by="x"), "override_|move")
    refused(lambda: rows.update(reason="x"), "is history")


def test_toolkits__connected_only_after_a_look(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    kits, now = MissionToolkit.objects.filter(pk=kit.pk), clock.now()
    decided = {"decided_at": now, "decided_by": "x"}
    refused(lambda: kits.update(status="approved", approved_scopes=["all"], **decided), "scopes")
    refused(lambda: kits.update(status="approved", approved_scopes=["mail.read"], **decided),
            "mission_toolkit_scopes")  # fmt: skip
    refused(lambda: kits.update(status="dropped", **decided), "dropped_says_why")
    world.approved(kit)
    held = ToolkitConnection.objects.filter(pk=world.begun(kit).pk)
    granted = {"status": "approved", "granted_scopes": ["mail.draft"], "connected_at": now,
               "verified_at": now}  # fmt: skip
    refused(lambda: held.update(**granted), "not inspected first")
    look = world.inspected(kit)
    looks = DataInspection.objects.filter(pk=look.pk)
    refused(lambda: looks.update(read_only=False), "is history")
    refused(lambda: looks._raw_delete("default"), "is history")
    granted["connected_at"] = clock.now()
    held.update(**granted)
    refused(lambda: held.update(status="initiated"), "does not move")


def test_templates__versions_stay(world: World, row: Mission) -> None:
    versions = TemplateVersion.objects.filter(template__workspace=world.workspace)
    refused(lambda: versions.update(said={}), "is history")
    templates = PolicyTemplate.objects.of(world.workspace)
    refused(lambda: templates.update(slug="x"), "is history")
    refused(lambda: templates._raw_delete("default"), "is history")


def test_nothing_names_another_workspace(world: World, row: Mission) -> None:
    theirs = World()
    there = theirs.started()
    template = PolicyTemplate.objects.of(theirs.workspace).earliest("pk")
    mixed = Safeguard(mission=row, template=template, template_number=1, title="x",
                      category="data", suggested_by="x")  # fmt: skip
    refused(lambda: mixed.save(force_insert=True), "another mission or workspace")
    kit = MissionToolkit(mission=row, integration=theirs.integration(), purpose="x",
                         requested_scopes=["a"], proposed_by="x")  # fmt: skip
    refused(lambda: kit.save(force_insert=True), "another mission or workspace")
    finding = theirs.found(there, severity="low")
    override = Override(mission=row, kind="finding", subject="x", finding=finding, reason="x",
                        requested_by="x")  # fmt: skip
    refused(lambda: override.save(force_insert=True), "another mission or workspace")
    strange = Finding(mission=row, safeguard=theirs.guard(there), external_id="x", phase="run",
                      stage="define", result="passed", severity="low", found_at=clock.now(),
                      reported_by="x")  # fmt: skip
    refused(lambda: strange.save(force_insert=True), "another mission or workspace")
    assert services.suggest_defaults(row, actor=world.gv) == 0
