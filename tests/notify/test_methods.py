"""One's own ways to be reached: added, proven by a code, ordered and removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.data_rules import Person, personal_data
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound, RateLimited
from controlplane.notify import outbox, services
from controlplane.notify.models import ContactMethod
from controlplane.notify.services import methods
from tests import make
from tests.kit import gateways, settled
from tests.kit.gateways import NUMBER
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db

PAGE = "/access/account/reached/"
API = "/api/v1/me/methods"


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def ana(workspace: Workspace) -> User:
    return make.person(workspace, "viewer")


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


def add(person: User, kind: str = "sms", target: str = NUMBER) -> ContactMethod:
    return services.add_method(person, actor=make.actor(person), kind=kind, target=target)


def confirm(way: ContactMethod, code: str) -> ContactMethod:
    return services.confirm_method(way, actor=make.actor(way.user), code=code)


def wrong(way: ContactMethod) -> str:
    return f"{(int(methods.code_of(way)) + 1) % 1_000_000:06d}"


def test_accounts_own_address__is_a_proven_way_from_the_start(ana: User) -> None:
    (own,) = methods.usable(ana)
    assert (own.kind, own.address, own.is_account) == ("email", ana.email, True)
    assert [way.pk for way in methods.of(ana)] == [own.pk], "made once"


def test_code__goes_there_and_proves_it_when_it_comes_back(ana: User) -> None:
    way = add(ana, "email", "Ana.Private@Example.org")
    assert way not in methods.usable(ana)
    outbox.send_due()
    (sent,) = mail.outbox
    assert sent.to == ["ana.private@example.org"]
    code = methods.code_of(way)
    assert code in sent.subject
    proven = confirm(way, f" {code[:3]} {code[3:]} ")
    assert proven.is_verified
    assert proven in methods.usable(ana)


def test_code_for_a_telephone__leaves_through_the_workspaces_gateway(
    ana: User, workspace: Workspace, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url)
    way = add(ana)
    outbox.send_due()
    assert methods.code_of(way) in receiver.received[0].json()["text"]
    assert receiver.received[0].json()["to"] == NUMBER


def test_wrong_codes__end_the_code_after_five(ana: User) -> None:
    way = add(ana)
    for _ in range(methods.CODE_TRIES.value):
        with pytest.raises(Invalid):
            confirm(way, wrong(way))
    with pytest.raises(Conflict):
        confirm(way, methods.code_of(way))
    assert not ContactMethod.objects.get(pk=way.pk).is_verified


def test_old_code__is_none(ana: User) -> None:
    way = add(ana)
    with time_machine.travel(clock.now() + timedelta(minutes=11)), pytest.raises(Conflict):
        confirm(way, methods.code_of(way))


def test_new_code__ends_the_one_before(ana: User) -> None:
    way = add(ana)
    old = methods.code_of(way)
    again = services.send_code(way, actor=make.actor(ana))
    if methods.code_of(again) != old:
        with pytest.raises(Invalid):
            confirm(way, old)
    assert confirm(way, methods.code_of(again)).is_verified


def test_codes_without_end__are_refused(ana: User) -> None:
    way = add(ana)
    for _ in range(methods.CODES_A_DAY.value - 1):
        services.send_code(way, actor=make.actor(ana))
    with pytest.raises(RateLimited):
        services.send_code(way, actor=make.actor(ana))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("sms", "020 7946 0958"), ("sms", "+44 20 CALL ME"), ("voice", "+1"), ("sms", ""),
        ("email", "nobody"), ("webhook", "ftp://chat.example/x"),
        ("webhook", "http://chat.example/x"), ("pigeon", "loft 3"),
    ],
)  # fmt: skip
def test_nonsense__is_refused(ana: User, kind: str, target: str) -> None:
    with pytest.raises(Invalid):
        add(ana, kind, target)


def test_number__is_kept_as_it_is_dialled(ana: User) -> None:
    assert add(ana, "voice", " 0044 (20) 7946-0958 ").target == NUMBER


def test_same_way_twice__is_a_conflict(ana: User) -> None:
    add(ana)
    with pytest.raises(Conflict):
        add(ana)


def test_number_of_another_account__cannot_be_proven_too(ana: User, workspace: Workspace) -> None:
    gateways.way(ana)
    theirs = add(make.person(workspace, "viewer"))
    with pytest.raises(Conflict):
        confirm(theirs, methods.code_of(theirs))


def test_webhooks_address__is_kept_sealed_and_shown_to_nobody(ana: User) -> None:
    secret = "https://chat.example/hooks/T0/B0/abcdef"
    way = add(ana, "webhook", secret)
    row = ContactMethod.objects.filter(pk=way.pk).values().get()
    assert "abcdef" not in str(row)
    assert way.address == secret
    assert "abcdef" not in str(list(AuditEvent.objects.about(way).values()))


def test_numbers__stay_out_of_the_log(ana: User) -> None:
    way = add(ana)
    assert NUMBER not in str(list(AuditEvent.objects.about(way).values()))
    assert way.masked == "+44…58"


def test_order__is_the_persons(ana: User) -> None:
    account, phone = methods.of(ana)[0], add(ana)
    services.order_methods(ana, actor=make.actor(ana), order=[phone.uid])
    assert methods.of(ana) == [phone, account]
    with pytest.raises(Invalid):
        services.order_methods(ana, actor=make.actor(ana), order=[phone.uid, phone.uid])


def test_removed__is_out_of_use_and_can_be_added_again(ana: User) -> None:
    way = gateways.way(ana)
    services.remove_method(way, actor=make.actor(ana))
    assert way not in methods.of(ana)
    assert not add(ana).is_verified
    with pytest.raises(Conflict):
        services.remove_method(methods.of(ana)[0], actor=make.actor(ana))


def test_stranger__does_nothing_with_it(ana: User, workspace: Workspace) -> None:
    way = add(ana)
    for actor in (
        make.actor(make.person(workspace, "workspace_admin")),
        make.actor(make.person(make.workspace(), "workspace_admin")),
    ):
        with pytest.raises(NotAllowed):
            services.add_method(ana, actor=actor, kind="sms", target="+4915112345678")
        with pytest.raises(NotAllowed):
            services.confirm_method(way, actor=actor, code=methods.code_of(way))
        with pytest.raises(NotAllowed):
            services.order_methods(ana, actor=actor, order=[way.uid])
        with pytest.raises(NotAllowed):
            services.remove_method(way, actor=actor)


def test_admin_where_the_person_works__may_remove_it(ana: User, workspace: Workspace) -> None:
    elsewhere = make.workspace()
    other = make.actor(make.person(elsewhere, "workspace_admin"))
    viewer = make.actor(make.person(workspace, "viewer"))
    way = gateways.way(ana)
    with pytest.raises(NotFound):
        services.remove_method(way, actor=other, workspace=elsewhere)
    with pytest.raises(NotAllowed):
        services.remove_method(way, actor=viewer, workspace=workspace)
    admin = make.actor(make.person(workspace, "workspace_admin"))
    services.remove_method(way, actor=admin, workspace=workspace, reason="lost")
    assert not ContactMethod.objects.get(pk=way.pk).is_active


def test_erased__the_numbers_are_gone_and_what_was_sent_stays(
    ana: User, workspace: Workspace
) -> None:
    way = gateways.way(ana)
    news = services.page(ana, workspace_id=workspace.pk, kind="page.t", key="k", subject="S",
                         methods=[way])  # fmt: skip
    entry = personal_data.get("notify.methods")
    assert entry is not None
    assert entry.export is not None
    assert entry.erase is not None
    person = Person(ana.pk, ana.email)
    assert NUMBER in str(entry.export(person))
    entry.erase(person, make.JOB)
    assert NUMBER not in str(list(ContactMethod.objects.values()))
    assert news.deliveries.filter(contact_method=way).exists()


# --- The page -----------------------------------------------------------------------------------


def test_page__adds_confirms_orders_and_removes(ana: User) -> None:
    client = make.client(ana)
    client.post(PAGE, {"add": "", "kind": "sms", "target": NUMBER, "label": "Mine"})
    way = ContactMethod.objects.get(user=ana, kind="sms")
    shown = client.get(PAGE).content.decode()
    assert NUMBER in shown
    assert "No workspace of yours has a gateway" in shown
    answer = client.post(PAGE, {"confirm": str(way.uid), "code": wrong(way)})
    assert "That is not the code." in answer.content.decode()
    client.post(PAGE, {"confirm": str(way.uid), "code": methods.code_of(way)})
    client.post(PAGE, {"up": str(way.uid)})
    assert methods.usable(ana)[0] == way
    client.post(PAGE, {"remove": str(way.uid)})
    assert len(methods.of(ana)) == 1


def test_page__tests_a_way(ana: User, workspace: Workspace, receiver: Receiver) -> None:
    gateways.gateway(workspace, receiver.url)
    way = gateways.way(ana)
    receiver.will_answer(500, b"out of order")
    client = make.client(ana)
    shown = client.post(PAGE, {"test": str(way.uid)}, follow=True).content.decode()
    assert "Not delivered (retry): HTTP 500: out of order" in shown
    shown = client.post(PAGE, {"test": str(way.uid)}, follow=True).content.decode()
    assert "A test is on its way" in shown


def test_page_with_nonsense__says_so_beside_the_field(ana: User) -> None:
    answer = make.client(ana).post(PAGE, {"add": "", "kind": "sms", "target": "12"})
    assert "With + and the country" in answer.content.decode()
    assert not ContactMethod.objects.filter(user=ana, kind="sms").exists()


def test_page__knows_nothing_of_others(ana: User, workspace: Workspace) -> None:
    way = gateways.way(ana)
    bob = make.client(make.person(workspace, "workspace_admin"))
    assert bob.post(PAGE, {"remove": str(way.uid)}).status_code == 404
    assert NUMBER not in bob.get(PAGE).content.decode()
    assert "/access/login/" in Client().get(PAGE)["Location"]


def test_console__shows_ways_masked_to_operators_of_the_workspace(
    ana: User, workspace: Workspace
) -> None:
    way = gateways.way(ana)
    operator = make.client(make.person(workspace, "primary_operator"))
    rows = operator.get("/admin/notify/contactmethod/?view=all").content.decode()
    page = operator.get(f"/admin/notify/contactmethod/{way.uid}/change/").content.decode()
    for shown in (rows, page):
        assert "+44…58" in shown
        assert NUMBER not in shown
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    assert "+44…58" not in stranger.get("/admin/notify/contactmethod/?view=all").content.decode()


# --- The API ------------------------------------------------------------------------------------


def test_api__the_same_over_json(ana: User) -> None:
    client = make.client(ana)
    made = client.post(API, {"kind": "sms", "target": NUMBER}, content_type="application/json")
    assert made.status_code == 201, made.content
    uid = made.json()["uid"]
    assert made.json()["target"] == "+44…58"
    way = ContactMethod.objects.get(uid=uid)
    code = {"code": methods.code_of(way)}
    done = client.post(f"{API}/{uid}/confirm", code, content_type="application/json")
    assert done.json()["is_verified"] is True
    body = {"order": [uid]}
    ordered = client.post(f"{API}/order", body, content_type="application/json").json()["items"]
    assert ordered[0]["uid"] == uid
    tested = client.post(f"{API}/{uid}/test", {}, content_type="application/json").json()
    assert (tested["result"], tested["status"]) == ("rejected", None)
    assert client.delete(f"{API}/{uid}").status_code == 200
    assert [row["is_account"] for row in client.get(API).json()["items"]] == [True]


def test_api__of_others_is_nothing(ana: User, workspace: Workspace) -> None:
    way = gateways.way(ana)
    bob = make.client(make.person(workspace, "workspace_admin"))
    assert bob.get(f"{API}/{way.uid}").status_code == 404
    assert bob.delete(f"{API}/{way.uid}").status_code == 404
    assert Client().get(API).status_code == 401
