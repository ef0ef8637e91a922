"""The page where a person says what they want to be told, how and when."""

from __future__ import annotations

from datetime import time

import pytest
from django.test import Client

from controlplane.access.models import User
from controlplane.audit.models import AuditEvent
from controlplane.notify import wording
from controlplane.notify.models import Preference, QuietHours
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db

URL = "/access/account/notifications/"


@settled.once
def ana() -> User:
    return make.person(make.workspace(), "viewer")


@settled.once
def client(ana: User) -> Client:
    return make.client(ana)


def everything() -> list[str]:
    kinds = ["*", *wording.CATALOGUE]
    return [f"{kind}:{method}" for kind in kinds for method in ("inbox", "email")]


def test_unticked_box__becomes_a_wish_and_an_audit_row(client: Client, ana: User) -> None:
    ticked = [value for value in everything() if value != "*:email"]
    client.post(URL, {"save_wishes": "", "wanted": ticked})
    wish = Preference.objects.get(user=ana)
    assert (wish.kind, wish.method, wish.wanted) == ("*", "email", False)
    assert AuditEvent.objects.about(ana).filter(action="notify.set_preference").count() == 1


def test_save_without_a_change__writes_nothing(client: Client, ana: User) -> None:
    client.post(URL, {"save_wishes": "", "wanted": everything()})
    assert not Preference.objects.filter(user=ana).exists()


def test_quiet_hours__set_shown_and_cleared(client: Client, ana: User) -> None:
    client.post(URL, {"set_hours": "", "starts": "22:00", "ends": "07:00", "weekends": "on"})
    hours = QuietHours.objects.get(user=ana)
    assert (hours.starts, hours.ends, hours.weekends) == (time(22), time(7), True)
    assert "No mail from 22:00 to 07:00 and at weekends" in client.get(URL).content.decode()
    client.post(URL, {"clear_hours": ""})
    assert not QuietHours.objects.filter(user=ana).exists()


@pytest.mark.parametrize("ends", ["22:00", "25:00", "", "\x00"])
def test_hours_that_are_none__are_refused_beside_the_field(
    client: Client, ana: User, ends: str
) -> None:
    answer = client.post(URL, {"set_hours": "", "starts": "22:00", "ends": ends})
    assert answer.status_code in {200, 400}
    assert not QuietHours.objects.filter(user=ana).exists()


def test_nobody_signed_in__is_led_to_the_sign_in() -> None:
    assert "/access/login/" in Client().get(URL)["Location"]
    assert "/access/login/" in Client().post(URL, {"clear_hours": ""})["Location"]


def test_wishes__are_ones_own(client: Client) -> None:
    bob = make.person(make.workspace(), "viewer")
    make.client(bob).post(URL, {"set_hours": "", "starts": "22:00", "ends": "07:00"})
    assert "No mail from" not in client.get(URL).content.decode()
