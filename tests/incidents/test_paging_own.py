"""The page where people say how they are called."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.notify.models import ContactMethod
from incidents.models import PersonalRule
from incidents.paging import rules
from incidents.paging.own import would_happen
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
URL = "/access/account/calls/"


class Caller:
    """Somebody with a telephone, at the page."""

    def __init__(self, number: str = "+44207946000") -> None:
        self.workspace = make.workspace()
        self.person: User = make.person(self.workspace, "primary_operator")
        self.sms = self.proven("sms", f"{number}1")
        self.voice = self.proven("voice", f"{number}2")
        self.browser = make.client(self.person)

    def proven(self, kind: str, target: str) -> ContactMethod:
        return ContactMethod.objects.create(
            user=self.person, kind=kind, target=target, verified_at=Now()
        )

    def do(self, verb: str, value: str = "1", urgency: str = "critical", **given: Any) -> Any:
        return self.browser.post(URL, {"urgency": urgency, verb: value, **given})

    def kept(self, urgency: str = "critical") -> list[tuple[str, int]]:
        return [
            (row.contact_method.kind if row.contact_method else "email", row.after_s)
            for row in rules.rules_of(self.person, urgency)
        ]

    def now(self) -> list[tuple[str, int]]:
        return [(one.said.split()[0], one.after_s) for one in would_happen(self.person, "critical")]


@settled.once
def me() -> Caller:
    return Caller()


def test_nothing_said__the_usual_ways_are_shown_with_their_moments(me: Caller) -> None:
    assert reverse("paging:own") == URL
    text = me.browser.get(URL).content.decode()
    assert "the usual ways hold" in text
    assert me.now() == [("Inbox", 0), ("E-mail", 0), ("Text", 120), ("Phone", 120)]
    assert "No workspace of yours has a gateway" in text
    at = clock.now()
    assert would_happen(me.person, "critical", at)[-1].at == at + timedelta(minutes=2)


def test_ways__are_added_ordered_timed_and_removed(me: Caller) -> None:
    assert me.do("add", way=str(me.sms.uid), after="0").status_code == 302
    me.do("add", way="email", after="1.5")
    me.do("add", way=str(me.voice.uid), after="5")
    assert me.kept() == [("sms", 0), ("email", 90), ("voice", 300)]
    assert me.now() == [("Inbox", 0), ("Text", 0), ("E-mail", 90), ("Phone", 300)]
    me.do("earlier", str(me.voice.uid))
    assert me.kept() == [("sms", 0), ("voice", 90), ("email", 300)], "each takes the other's time"
    me.do(
        "times", **{f"after-{me.sms.uid}": "0", "after-email": "0", f"after-{me.voice.uid}": "10"}
    )
    assert me.kept() == [("sms", 0), ("email", 0), ("voice", 600)]
    me.do("remove", str(me.sms.uid))
    assert me.kept() == [("email", 0), ("voice", 600)]
    me.do("remove", "email")
    assert me.kept() == [("voice", 0)], "somebody is always called at once"
    me.do("usual")
    assert me.kept() == []


def test_kinds_of_calls__are_apart(me: Caller) -> None:
    me.do("add", urgency="normal", way=str(me.sms.uid), after="30")
    assert (me.kept(), me.kept("normal")) == ([], [("sms", 1_800)])


@pytest.mark.parametrize("after", ["-1", "61", "soon", "nan", "inf", "1e9"])
def test_wrong_time__is_said_beside_what_is_kept(me: Caller, after: str) -> None:
    answer = me.do("add", way="email", after=after)
    assert answer.status_code == 400
    assert b"Minutes are a number from 0 to 60." in answer.content
    assert not PersonalRule.objects.exists()


def test_first_way_that_comes_late__is_refused(me: Caller) -> None:
    answer = me.do("add", way="email", after="5")
    assert answer.status_code == 400
    assert b"One way is taken at once" in answer.content


def test_what_is_gone_or_somebody_elses__is_refused(me: Caller) -> None:
    other = Caller("+44207946001")
    me.do("add", way="email", after="0")
    for verb, value, given in (
        ("add", "1", {"way": str(other.sms.uid), "after": "0"}),
        ("add", "1", {"way": "email", "after": "3"}),
        ("remove", str(me.sms.uid), {}),
        ("earlier", "\0", {}),
    ):
        assert me.do(verb, value, **given).status_code == 400, (verb, value)
    assert me.do("add", urgency="other", way="email").status_code == 404
    assert me.kept() == [("email", 0)]
    assert other.kept() == []


def test_stranger__is_never_called_and_says_nothing(me: Caller) -> None:
    outside = make.person(make.workspace(), "product_partner")
    browser = make.client(outside)
    assert b"Nobody calls you" in browser.get(URL).content
    answer = browser.post(URL, {"urgency": "critical", "add": "1", "way": "email"})
    assert answer.status_code == 403
    assert not PersonalRule.objects.exists()
    browser.logout()
    assert browser.get(URL).status_code == 302
