"""By which ways somebody is called, what happens when one fails, and how they answer."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now
from django.test import Client

from controlplane.access.models import User
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify import answers
from controlplane.notify.models import AnswerLink, ContactMethod, Delivery, DeliveryAttempt
from incidents.models import Incident, Page
from incidents.paging import replying, rules
from tests import make
from tests.kit import incidents as kit
from tests.kit import settled
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def proven(person: User, kind: str = "sms", target: str = "+442079460001") -> ContactMethod:
    """A way whose owner has typed the code that went there."""
    return ContactMethod.objects.create(user=person, kind=kind, target=target, verified_at=Now())


def ways(incident: Incident) -> list[str]:
    return [each.method for each in kit.deliveries(incident)]


def fail(delivery: Delivery, state: str = "rejected") -> None:
    DeliveryAttempt.objects.create(delivery=delivery, outcome="retry", detail="away")
    if state != "waiting":
        Delivery.objects.filter(pk=delivery.pk).update(state=state, settled_at=Now())


def test_no_rules__mail_at_once_and_the_telephone_after_two_minutes(room: Watchroom) -> None:
    proven(room.primary)
    incident = room.incident("sev3")
    room.tick()
    assert ways(incident) == ["inbox", "email"]
    room.later(119)
    assert ways(incident) == ["inbox", "email"]
    room.later(2)
    assert ways(incident) == ["inbox", "email", "sms"]
    room.later(30)
    assert len(ways(incident)) == 3, "each way once"


def test_own_rules__are_taken_in_their_time(room: Watchroom) -> None:
    sms = proven(room.primary)
    call = proven(room.primary, "voice", "+442079460002")
    rules.set_rules(
        room.primary,
        [{"way": sms.uid, "after_s": 0}, {"way": "email", "after_s": 60},
         {"way": str(call.uid), "after_s": 180}],
        actor=room.by(room.primary),
    )  # fmt: skip
    incident = room.incident("sev3")
    room.tick()
    assert ways(incident) == ["inbox", "sms"]
    room.later(61)
    assert ways(incident) == ["inbox", "sms", "email"]
    room.later(181)  # when the call began can't be moved, only when it goes on
    assert ways(incident) == ["inbox", "sms", "email", "voice"]


def test_rules__are_said_by_oneself_and_name_proven_ways_once(room: Watchroom) -> None:
    own, other = room.by(room.primary), room.by(room.lead)
    unproven = ContactMethod.objects.create(user=room.primary, kind="sms", target="+442079460009")
    of_another = proven(room.lead).uid
    wrong: list[object] = [
        "email", [{"way": "pigeon"}], [{"way": str(unproven.uid)}], [{"way": of_another}],
        [{"way": "email", "after_s": -1}], [{"way": "email"}, {"way": "email", "after_s": 5}],
        [{"way": "email", "after_s": 60}],
    ]  # fmt: skip
    for given in wrong:
        with pytest.raises(Invalid):
            rules.set_rules(room.primary, given, actor=own)
    with pytest.raises(NotAllowed):
        rules.set_rules(room.primary, [{"way": "email"}], actor=other)
    with pytest.raises(NotAllowed):
        rules.set_rules(room.primary, [], actor=make.actor(make.agent(room.workspace)))
    assert rules.set_rules(room.primary, [], actor=own) == []


@pytest.mark.parametrize("state", ["rejected", "dead", "waiting"])
def test_failed_way__the_next_is_taken_at_once(room: Watchroom, state: str) -> None:
    """Refused, given up, or failed once and to be tried again: nobody waits for that."""
    proven(room.primary)
    incident = room.incident("sev3")
    room.tick()
    fail(kit.deliveries(incident)[1], state)
    room.tick()
    room.tick()
    assert ways(incident) == ["inbox", "email", "sms"]


def test_way_that_works__is_not_overtaken(room: Watchroom) -> None:
    proven(room.primary)
    incident = room.incident("sev3")
    room.tick()
    Delivery.objects.filter(method="email").update(state="sent", settled_at=Now())
    room.tick()
    page = Page.objects.get(incident=incident)
    assert (page.status, ways(incident)) == ("sent", ["inbox", "email"])
    assert page.sent_at is not None


def test_every_way_fails__the_next_target_is_called_at_once(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    fail(kit.deliveries(incident)[1])
    room.tick()
    room.tick()
    assert kit.called(incident) == ["Primary operator", "Secondary operator"]
    first = Page.objects.filter(incident=incident).earliest("pk")
    assert (first.status, first.note) == ("unreached", "Every way failed.")


def test_one_of_three_cannot_be_reached__the_others_keep_their_time(room: Watchroom) -> None:
    incident = room.incident("sev1")
    room.tick()
    fail(next(each for each in kit.deliveries(incident) if each.method == "email"))
    room.tick()
    room.tick()
    assert len(kit.called(incident)) == 3


def test_link__is_shown_by_get_and_acts_by_post_without_signing_in(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    link = AnswerLink.objects.get(person=room.primary)
    address = answers.url_of(link, replying.ACKNOWLEDGE).partition("://")[2].partition("/")[2]
    phone = Client()
    shown = phone.get(f"/{address}")
    assert shown.status_code == 200
    assert incident.ref in shown.content.decode()
    incident.refresh_from_db()
    assert incident.acknowledged_at is None, "looking at it is no answer"
    assert phone.post(f"/{address}").status_code in {200, 302}
    incident.refresh_from_db()
    assert incident.acknowledged_by == room.primary
    page = Page.objects.get(incident=incident)
    assert (page.status, page.answered_by_way) == ("answered", "link")
    assert kit.run_of(incident).status == "answered"


def test_link__of_a_stranger_or_forged_is_nothing(room: Watchroom) -> None:
    room.incident("sev3")
    room.tick()
    link = AnswerLink.objects.get(person=room.primary)
    address = answers.url_of(link, replying.ACKNOWLEDGE).partition("://")[2].partition("/")[2]
    assert Client().post(f"/{address[:-6]}AAAAA/").status_code == 404
    turned = address.replace(replying.ACKNOWLEDGE, replying.RESOLVE)
    assert Client().post(f"/{turned}").status_code == 404, "made for another verb"


def test_link__says_who_is_on_it_already(room: Watchroom) -> None:
    from incidents.records.moving import acknowledge

    incident = room.incident("sev1")
    room.tick()
    acknowledge(incident, actor=room.by(room.lead))
    link = AnswerLink.objects.get(person=room.primary)
    said = answers.VERBS[replying.ACKNOWLEDGE].over
    assert said is not None
    assert said(link) == f"Engineering lead is on it already: {incident.ref}."


def test_code_in_text_messages__is_the_same_for_all_who_are_called(room: Watchroom) -> None:
    room.incident("sev1")
    other = room.incident("sev1", title="Another")
    room.tick()
    codes = set(AnswerLink.objects.values_list("subject", "code"))
    assert len(codes) == 2
    assert len({code for _, code in codes}) == 2
    assert replying.code_of(other) in {code for _, code in codes}
