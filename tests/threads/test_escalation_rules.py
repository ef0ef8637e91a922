"""Whom threads that are stuck call: the workspace's rules, the shipped ones, who may keep them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from missions.threads import services
from missions.threads.models import ThreadEscalationPolicy
from missions.threads.services.escalating import add_rule, remove_rule, whom
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


def test_shipped__hold_where_nothing_is_kept(talk: Talk) -> None:
    (call,) = whom(talk.thread, "repeated_finding")
    assert (call.to.roles, call.after_minutes) == (["operations_command"], 0)
    owner = make.person(talk.workspace, "operations_command")
    row = services.change_thread(talk.thread, actor=talk.operator, escalation_owner=owner)
    assert whom(row, "repeated_finding")[0].to.users == [owner.pk]
    assert [each.after_minutes for each in whom(row, "blocked")] == [0, 60]


def test_rules__of_the_type_stand_before_those_of_all_and_before_the_shipped(talk: Talk) -> None:
    given: Any = {"actor": talk.operator, "what": "blocked", "whom": "role"}
    add_rule(talk.workspace, role="security_lead", **given)
    assert [each.to.roles for each in whom(talk.thread, "blocked")] == [["security_lead"]]
    own = add_rule(talk.workspace, role="engineering_lead", kind="conversation", **given)
    assert [each.to.roles for each in whom(talk.thread, "blocked")] == [["engineering_lead"]]
    remove_rule(own, actor=talk.operator)
    assert [each.to.roles for each in whom(talk.thread, "blocked")] == [["security_lead"]]
    stranger = Talk(make.workspace())
    assert whom(stranger.thread, "blocked")[0].to.roles == ["operations_command"]


def test_duty__nobody_on_duty_calls_the_role(talk: Talk) -> None:
    add_rule(talk.workspace, actor=talk.operator, what="dead_wake", whom="on_duty",
             role="primary_operator")  # fmt: skip
    assert whom(talk.thread, "dead_wake")[0].to.roles == ["primary_operator"]


def test_rule__is_refused_with_its_field(talk: Talk) -> None:
    given: Any = {"actor": talk.operator, "what": "blocked", "whom": "owner"}
    for wrong, field in (
        ({"what": "weather"}, "what"), ({"whom": "role", "role": "executor"}, "role"),
        ({"whom": "channel"}, "channel"), ({"after_minutes": 100_000}, "after_minutes"),
        ({"what": "unread"}, "after_minutes"), ({"kind": "party"}, "kind"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            add_rule(talk.workspace, **{**given, **wrong})
        assert field in refused.value.details
    add_rule(talk.workspace, **given)
    with pytest.raises(Conflict):
        add_rule(talk.workspace, **given)


def test_database__takes_no_rule_that_names_nobody(talk: Talk) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ThreadEscalationPolicy.objects.create(
            workspace=talk.workspace, what="blocked", whom="role", created_by="user:1"
        )


def test_stranger__and_whoever_only_reads_keep_no_rule(talk: Talk) -> None:
    given: Any = {"what": "blocked", "whom": "owner"}
    other = make.actor(make.person(make.workspace(), "operations_command"))
    for actor in (other, make.actor(make.person(talk.workspace, "viewer")), talk.by("coordinator")):
        with pytest.raises(NotAllowed):
            add_rule(talk.workspace, actor=actor, **given)
    assert not ThreadEscalationPolicy.objects.exists()


def test_console__a_rule_is_added_and_removed(talk: Talk) -> None:
    client = make.client(make.person(talk.workspace, "operations_command"))
    add = reverse("admin:threads_threadescalationpolicy_add")
    assert "Who is called" in client.get(add).content.decode()
    wrong = {"what": "unread", "whom": "owner", "after_minutes": "0"}
    assert client.post(add, wrong).status_code in {200, 400}
    client.post(add, {**wrong, "after_minutes": "45"})
    row = ThreadEscalationPolicy.objects.get()
    assert (row.what, row.after_minutes) == ("unread", 45)
    listed = client.get("/admin/threads/threadescalationpolicy/?kept=yes").content.decode()
    assert "As shipped" in listed
    do = reverse("admin:threads_threadescalationpolicy_button", args=(row.uid, "remove"))
    client.post(do)
    row.refresh_from_db()
    assert row.removed_at is not None
