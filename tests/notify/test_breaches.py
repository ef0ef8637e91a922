"""Bursts of refusals page the right people, once, with the page where the account is locked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.access.principals import actor_for_user
from controlplane.audit import services as audit
from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.errors import NotAllowed
from controlplane.notify.breaches import BURST, KIND, bursts, watch_refusals
from controlplane.notify.models import Notification
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def workspace() -> Workspace:
    return make.workspace()


def refuse(person: User, workspace: Workspace, times: int) -> None:
    for _ in range(times):
        with pytest.raises(NotAllowed) as refused:
            policy.require(actor_for_user(person), "member.manage", workspace)
        audit.record_denied(refused.value)


def test_burst__pages_on_call_and_security_and_nobody_else(workspace: Workspace) -> None:
    lead = make.person(workspace, "security_lead")
    operator = make.person(workspace, "primary_operator")
    stray = make.person(workspace, "viewer")
    elsewhere = make.person(make.workspace(), "security_lead")
    refuse(stray, workspace, BURST.value)
    assert watch_refusals() == {"bursts": 1}
    news = Notification.objects.get(kind=KIND)
    told = set(news.deliveries.exclude(user=None).values_list("user", flat=True))
    assert told == {lead.pk, operator.pk}
    assert elsewhere.pk not in told
    assert news.urgency == "critical"
    assert str(stray.uid) in news.link
    assert f"{BURST.value} times" in news.subject


def test_burst_that_goes_on__is_told_once_an_hour(workspace: Workspace) -> None:
    make.person(workspace, "security_lead")
    stray = make.person(workspace, "viewer")
    refuse(stray, workspace, BURST.value)
    with time_machine.travel(clock.now().replace(minute=5), tick=False) as traveller:
        watch_refusals()
        watch_refusals()
        assert Notification.objects.filter(kind=KIND).count() == 1
        assert Signal.objects.filter(kind=KIND).count() == 1
        traveller.shift(timedelta(hours=1))
        watch_refusals()
        assert Notification.objects.filter(kind=KIND).count() == 2


def test_few_or_old_refusals__are_nobodys_alarm(workspace: Workspace) -> None:
    make.person(workspace, "security_lead")
    stray = make.person(workspace, "viewer")
    refuse(stray, workspace, BURST.value - 1)
    assert watch_refusals() == {"bursts": 0}
    before_the_last = AuditEvent.objects.filter(outcome="denied").latest("id").at
    refuse(stray, workspace, BURST.value - 2)
    assert list(bursts(before_the_last)) == []
    assert not Notification.objects.filter(kind=KIND).exists()


def test_two_accounts_that_stray_a_little__are_not_added_up(workspace: Workspace) -> None:
    make.person(workspace, "security_lead")
    for _ in range(2):
        refuse(make.person(workspace, "viewer"), workspace, BURST.value - 1)
    assert watch_refusals() == {"bursts": 0}
