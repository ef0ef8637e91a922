"""Erasure: asked for, held, withdrawn, done in time, all of it or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from controlplane.access.models import ApiKey, Grant, Membership, User
from controlplane.access.services import add_member, leaving, member_of, remove_member
from controlplane.access.services.keys import issue_key
from controlplane.audit.models import AuditEvent
from controlplane.base.data_rules import PersonalData, personal_data
from controlplane.lib import actors, clock
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    GateNotMet,
    Invalid,
    NotAllowed,
    NotFound,
)
from controlplane.notify.models import Contact, InboxItem
from controlplane.privacy import services, tasks
from controlplane.privacy.models import DeletionRequest
from controlplane.privacy.registered import _promise
from controlplane.privacy.services import erasing
from incidents.models import StatusPage, StatusSubscriber
from tests import make
from tests.kit import settled
from tests.kit.privacy import Scene, days

pytestmark = pytest.mark.django_db
JOB = actors.job("privacy.erase")


@settled.once
def scene() -> Scene:
    return Scene()


def told(user: User) -> set[str]:
    return set(InboxItem.objects.filter(user=user).values_list("notification__kind", flat=True))


def test_asked__officer_and_person_are_told__nothing_goes_for_a_week(scene: Scene) -> None:
    row = scene.ask(reason="I leave")
    assert row.due_at - row.asked_at == timedelta(days=30)
    assert told(scene.officer) == {"privacy.asked"}
    assert "privacy.confirmed" in told(scene.robin)
    assert erasing.erase_ripe() == {"erased": 0, "failed": 0}
    with pytest.raises(GateNotMet):
        services.erase(row, actor=JOB)
    with pytest.raises(Conflict):
        scene.ask()


def test_ripe__account_closes_names_nobody__report_says_what_went_and_what_stays(
    scene: Scene,
) -> None:
    issue_key(
        scene.robin, actor=make.actor(scene.robin), name="mine", scopes=["work.view"],
        workspace=scene.ws,
    )  # fmt: skip
    browser = make.client(scene.robin)
    row, was = scene.ask(reason="Robin leaves"), scene.robin.email
    page = StatusPage.objects.create(workspace=scene.ws, slug="ours", title="Ours")
    StatusSubscriber.objects.create(page=page, email=was.upper())
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True)[0]
    with days(8):
        assert tasks.erase_what_is_ripe() == {"erased": 1, "failed": 0}
    row.refresh_from_db()
    scene.robin.refresh_from_db()
    assert row.status == "done"
    assert row.finished_at
    assert row.finished_at <= row.due_at
    assert leaving.is_erased(scene.robin)
    assert scene.robin.name == "Erased person"
    assert not scene.robin.is_active
    assert not scene.robin.has_usable_password()
    assert not Contact.objects.filter(user=scene.robin).exists()
    assert not ApiKey.objects.filter(user=scene.robin, revoked_at=None).exists()
    assert not Membership.objects.current().filter(user=scene.robin).exists()
    assert not scene.robin.owned_agents.exists()
    assert not Grant.objects.held().filter(membership__user=scene.robin).exists()
    assert browser.get("/access/account/").status_code == 302
    lines = {line["slug"]: line for line in row.report}
    assert lines["notify.contacts"]["erased"] == 1
    assert lines["notify.contacts"]["held"] == 1
    where = f"/admin/privacy/deletionrequest/{row.uid}/change/"
    shown = make.client(scene.officer).get(where).content.decode()
    assert "0 rows" not in shown
    bare = sum(not line.get("held") and not line.get("erased") for line in row.report)
    assert f"{bare} other places were asked and held nothing." in shown
    assert "Earliest" not in shown
    assert "evidence" in lines["audit.events"]["kept"]
    assert lines["access.user"]["erased"] == 1
    # The request outlives the account, and doesn't say whose it was.
    assert "robin" not in str(DeletionRequest.objects.filter(pk=row.pk).values().get()).lower()
    assert not StatusSubscriber.objects.filter(email__iexact=was).exists()
    # What is written while it is done says the name nowhere.
    written = AuditEvent.objects.filter(pk__gt=last).values_list(
        "before", "after", "subject_label", "details", "reason"
    )
    assert written
    assert "robin" not in str(list(written)).lower()


def test_one_that_fails__is_whole_again_noted_told__and_keeps_back_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make.person(scene.ws, "viewer")
    first = scene.ask()
    second = services.ask_erasure(scene.ws, other, actor=make.actor(scene.officer))

    def refuse(person: Any, actor: Any) -> int:
        if person.user_id == scene.robin.pk:
            raise KeyError("robin.gone.9@example.org")  # nobody foresaw it
        return 0

    known = dict(personal_data._entries)
    known["zz"] = PersonalData("zz", ("access.user",), "zz", lambda person: [], refuse)
    monkeypatch.setattr(personal_data, "_entries", known)
    with days(8), pytest.raises(RuntimeError, match="1 of 2"):
        tasks.erase_what_is_ripe()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.tries, second.status) == ("waiting", 1, "done")
    assert "robin.gone" not in first.last_error
    assert Contact.objects.filter(user=scene.robin).exists()
    assert "privacy.failed" in told(scene.officer)
    monkeypatch.undo()
    with days(9):
        assert erasing.erase_ripe() == {"erased": 1, "failed": 0}


def test_last_admin__is_not_left_out__before_somebody_else_is_one(scene: Scene) -> None:
    row = services.ask_erasure(scene.ws, scene.admin, actor=make.actor(scene.admin))
    with days(8):
        assert erasing.erase_ripe() == {"erased": 0, "failed": 1}
        row.refresh_from_db()
        assert "admin" in row.last_error
        make.person(scene.ws, "workspace_admin")
        assert erasing.erase_ripe() == {"erased": 1, "failed": 0}


def test_held__waits_beyond_its_day__released_goes(scene: Scene) -> None:
    row = scene.ask()
    officer = make.actor(scene.officer)
    with pytest.raises(Invalid):
        services.hold(row, actor=officer, reason="  ")
    with pytest.raises(Invalid):
        services.hold(row, actor=officer, reason="x", until=clock.now() + timedelta(days=400))
    services.hold(row, actor=officer, reason="A dispute about pay")
    assert "privacy.settled" in told(scene.robin)
    with days(40):
        assert erasing.erase_ripe() == {"erased": 0, "failed": 0}
        assert _promise(scene.ws.pk).status == "attention"
        assert any(finding.kind == "privacy" for finding in tasks.late())
        services.release(row, actor=officer)
        assert _promise(scene.ws.pk).status == "failing"
        assert erasing.erase_ripe() == {"erased": 1, "failed": 0}
    assert _promise(scene.ws.pk).status == "ok"


def test_withdrawn__stays_and_may_be_asked_again(scene: Scene) -> None:
    row = services.withdraw(scene.ask(), actor=make.actor(scene.robin))
    assert row.status == "cancelled"
    with days(8):
        assert erasing.erase_ripe() == {"erased": 0, "failed": 0}
    assert scene.ask().pk != row.pk
    with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
        DeletionRequest.objects.filter(pk=row.pk).update(status="waiting", finished_at=None)


def test_officer__erases_at_once__with_a_fresh_second_factor(scene: Scene) -> None:
    row = scene.ask()
    stale = make.actor(scene.officer, recent_factor=False)
    with pytest.raises(ControlPlaneError):
        services.erase(row, actor=stale)
    assert services.erase(row, actor=make.actor(scene.officer)).status == "done"
    with pytest.raises(Conflict):
        services.ask_erasure(scene.ws, User.objects.get(pk=scene.robin.pk),
                             actor=make.actor(scene.officer))  # fmt: skip


def test_strangers__may_not(scene: Scene) -> None:
    row = scene.ask()
    there = make.workspace()
    for who in (
        make.person(scene.ws, "viewer"),
        make.person(scene.ws, "primary_operator"),
        make.person(there, "privacy_officer"),
    ):
        actor = make.actor(who)
        for call in (
            lambda actor=actor: services.withdraw(row, actor=actor),
            lambda actor=actor: services.hold(row, actor=actor, reason="x"),
            lambda actor=actor: services.erase(row, actor=actor),
            lambda actor=actor: services.export(scene.robin, actor=actor),
        ):
            with pytest.raises(NotAllowed):
                call()
    with pytest.raises(NotAllowed):
        services.ask_erasure(scene.ws, scene.admin, actor=make.actor(scene.robin))
    with pytest.raises(NotFound):
        services.ask_erasure(there, scene.robin, actor=make.actor(scene.robin))


def test_member_of_two_workspaces__one_officer_alone_may_not(scene: Scene) -> None:
    there = make.workspace()
    add_member(there, scene.robin, actor=make.JOB)
    row = scene.ask()
    with pytest.raises(NotAllowed):
        services.erase(row, actor=make.actor(scene.officer))
    with days(8):
        assert erasing.erase_ripe() == {"erased": 1, "failed": 0}
    assert not Membership.objects.current().filter(user=scene.robin).exists()


def test_law_of_one_workspace__holds_back_whatever_others_they_are_in(scene: Scene) -> None:
    add_member(make.workspace(), scene.robin, actor=make.JOB)
    row = services.hold(scene.ask(), actor=make.actor(scene.officer), reason="A dispute")
    with days(8):
        assert erasing.erase_ripe() == {"erased": 0, "failed": 0}
    assert services.release(row, actor=make.actor(scene.officer)).status == "waiting"


def test_somebody_who_left__may_ask_and_withdraw__officer_hands_out_and_erases(
    scene: Scene,
) -> None:
    remove_member(member_of(scene.ws, scene.robin), actor=make.JOB)
    row = scene.ask()
    assert services.withdraw(row, actor=make.actor(scene.robin)).status == "cancelled"
    officer = make.actor(scene.officer)
    assert services.export(scene.robin, actor=officer).read(2) == b"PK"
    again = scene.ask(scene.officer)
    assert services.erase(again, actor=officer).status == "done"
    stranger = make.actor(make.person(make.workspace(), "privacy_officer"))
    with pytest.raises(NotAllowed):
        services.export(scene.robin, actor=stranger)


@given(
    st.lists(st.sampled_from(["hold", "release", "withdraw", "erase", "ask", "day"]), max_size=9)
)
def test_walk__whatever_is_pressed__closed_stays_closed_and_erased_is_complete(
    steps: list[str],
) -> None:
    with transaction.atomic():
        scene = Scene()
        officer, robin = make.actor(scene.officer), make.actor(scene.robin)
        row, moment = scene.ask(), datetime(2026, 3, 2, 12, tzinfo=UTC)
        closed: set[int] = set()
        for number, step in enumerate(steps):
            with time_machine.travel(moment + timedelta(days=number), tick=False):
                officer = make.actor(scene.officer)
                try:
                    with transaction.atomic():
                        match step:
                            case "hold":
                                services.hold(row, actor=officer, reason="law")
                            case "release":
                                services.release(row, actor=officer)
                            case "withdraw":
                                services.withdraw(row, actor=officer)
                            case "erase":
                                services.erase(row, actor=officer)
                            case "ask":
                                row = services.ask_erasure(scene.ws, scene.robin, actor=robin)
                            case "day":
                                erasing.erase_ripe()
                except ControlPlaneError:
                    pass
            row.refresh_from_db()
            if row.status in {"done", "cancelled"}:
                closed.add(row.pk)
        done = DeletionRequest.objects.filter(person=scene.robin, status="done").exists()
        gone = leaving.is_erased(User.objects.get(pk=scene.robin.pk))
        assert done == gone
        assert DeletionRequest.objects.filter(person=scene.robin).open().count() <= 1
        still = DeletionRequest.objects.filter(pk__in=closed).exclude(finished_at=None)
        assert still.count() == len(closed)
        transaction.set_rollback(True)
