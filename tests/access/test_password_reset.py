"""Setting a password by mail: nobody learns who has an account, and the link is good once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access import numbers, services
from controlplane.access.models import User
from controlplane.access.reset_links import TOPIC, tokens
from controlplane.access.tasks import deliver_password_link
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid
from controlplane.notify.models import OutboxMessage
from tests import make
from tests.kit.racing import race

ASK = "/access/password/forgotten/"
NEW = "copper meadow anchor 77"


@pytest.fixture
def clock(time_machine: Any) -> Any:
    time_machine.move_to("2026-10-05T09:00:00Z", tick=False)
    return time_machine


def ask(email: str, at: str = "203.0.113.7") -> Any:
    return Client(REMOTE_ADDR=at).post(ASK, {"email": email})


def deliver() -> list[str]:
    """Send what is queued; the links mailed."""
    mail.outbox.clear()
    for message in OutboxMessage.objects.filter(topic=TOPIC).order_by("pk"):
        deliver_password_link(message)
    bodies = " ".join(str(each.body) for each in mail.outbox)
    return re.findall(r"https?://[^/\s]+(/access/password/\S+/)", bodies)


def link_for(user: User) -> str:
    return f"/access/password/{user.uid}/{tokens.make_token(user)}/"


def set_new(browser: Client, password: str = NEW) -> Any:
    return browser.post("/access/password/set/", {"password": password, "again": password})


@pytest.mark.django_db
def test_reset__whole_way__sets_the_password_and_ends_sessions() -> None:
    user = make.person(make.workspace(), "viewer")
    signed_in = make.sign_in(user)
    assert ask(user.email).status_code == 302
    (link,) = deliver()
    browser = Client()
    opened = browser.get(link)
    assert opened["Location"] == "/access/password/set/"  # the token leaves the address
    assert browser.get(opened["Location"]).status_code == 200
    assert set_new(browser)["Location"] == "/access/login/"
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert signed_in.get("/access/account/").status_code == 302
    assert browser.get("/access/account/").status_code == 302  # setting it signs nobody in
    event = AuditEvent.objects.get(action="account.reset_password")
    assert event.actor_ref == f"user:{user.pk}"


@pytest.mark.django_db
def test_ask__known_closed_and_unknown__get_the_same_answer_at_the_same_cost() -> None:
    ws = make.workspace()
    known, closed = make.person(ws, "viewer"), make.person(ws, "viewer")
    services.deactivate_user(closed, actor=make.JOB)
    answers = []
    for email in (known.email, closed.email, "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            answer = ask(email)
        verbs = [query["sql"].split(" ", 1)[0] for query in queries]
        answers.append((answer.status_code, answer["Location"], verbs))
    assert answers[0] == answers[1] == answers[2]
    assert OutboxMessage.objects.filter(topic=TOPIC).count() == 3
    assert len(deliver()) == 1
    assert [each.to for each in mail.outbox] == [[known.email]]


@pytest.mark.django_db
def test_ask__token_is_in_no_table() -> None:
    user = make.person(make.workspace(), "viewer")
    ask(user.email)
    message = OutboxMessage.objects.get(topic=TOPIC)
    assert set(message.payload) == {"email", "invited_to"}


@pytest.mark.django_db
def test_link__used__is_void() -> None:
    user = make.person(make.workspace(), "viewer")
    link = link_for(user)
    first, second = Client(), Client()
    first.get(link)
    second.get(link)
    assert set_new(first).status_code == 302
    assert b"has been used" in set_new(second, "another good password 9").content
    assert b"has been used" in second.get("/access/password/set/").content
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.django_db
def test_link__opened_by_a_mail_scanner__stays_good() -> None:
    user = make.person(make.workspace(), "viewer")
    link = link_for(user)
    for _ in range(3):
        Client().get(link)
    browser = Client()
    browser.get(link)
    assert set_new(browser).status_code == 302


@pytest.mark.django_db
def test_link__after_its_time__is_void(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    token = tokens.make_token(user)
    clock.shift(numbers.RESET_LINK_MINUTES.value * 60)
    assert tokens.check_token(user, token)
    clock.shift(1)
    assert not tokens.check_token(user, token)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["password", "sign_in", "email", "lock", "close"])
def test_link__after_the_account_changed__is_void(change: str) -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    token = tokens.make_token(user)
    if change == "password":
        services.set_password(user, NEW, actor=make.JOB)
    elif change == "sign_in":
        make.sign_in(user)
    elif change == "email":
        services.change_user(user, actor=make.JOB, email="other@example.org")
    elif change == "lock":
        services.lock_account(user, actor=make.JOB, reason="breach")
    else:
        services.deactivate_user(user, actor=make.JOB)
    with pytest.raises(Invalid):
        services.reset_password(User.objects.get(pk=user.pk), token, "yet another password 5")


@pytest.mark.django_db
def test_link__of_one__sets_nobody_elses_password() -> None:
    ws = make.workspace()
    user, other = make.person(ws, "viewer"), make.person(ws, "viewer")
    token = tokens.make_token(user)
    browser = Client()
    browser.get(f"/access/password/{other.uid}/{token}/")
    assert b"has been used" in set_new(browser).content
    other.refresh_from_db()
    assert other.check_password(make.PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "set", "a-b-c", "0-" + "0" * 64, "%00x", "'"])
def test_link__made_up__is_refused(token: str) -> None:
    user = make.person(make.workspace(), "viewer")
    answer = Client().get(f"/access/password/{user.uid}/{token}/", follow=True)
    assert answer.status_code in {200, 400, 404}
    user.refresh_from_db()
    assert user.check_password(make.PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_link__sent_twice_at_once__sets_one_password() -> None:
    user = make.person(make.workspace(), "viewer")
    token = tokens.make_token(user)
    passwords = [f"copper meadow anchor {n}" for n in range(4)]
    answers = race(4, lambda n: services.reset_password(user, token, passwords[n]))
    assert sum(isinstance(answer, Invalid) for answer in answers) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "password1234", "123456789012", "x" * 300])
def test_password__weak__is_refused_beside_the_field(password: str) -> None:
    user = make.person(make.workspace(), "viewer")
    browser = Client()
    browser.get(link_for(user))
    answer = set_new(browser, password)
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    user.refresh_from_db()
    assert user.check_password(make.PASSWORD)


@pytest.mark.django_db
def test_ask__too_often__pauses_for_account_and_address(clock: Any) -> None:
    for number in range(numbers.RESETS_PER_ACCOUNT.value):
        assert ask("robin@example.org", at=f"203.0.113.{number}").status_code == 302
    refused = ask("ROBIN@example.org", at="203.0.113.99")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    for number in range(numbers.RESETS_PER_ADDRESS.value):
        assert ask(f"person{number}@example.org", at="198.51.100.1").status_code == 302
    assert ask("fresh@example.org", at="198.51.100.1").status_code == 429


@pytest.mark.django_db
def test_change__own__wants_the_current_password_and_keeps_only_this_browser() -> None:
    user = make.person(make.workspace(), "viewer")
    here, there = make.sign_in(user), make.sign_in(user)
    form = {"current": "wrong", "password": NEW, "again": NEW}
    assert b"not your current password" in here.post("/access/password/", form).content
    form["current"] = make.PASSWORD
    assert here.post("/access/password/", {**form, "again": "other"}).status_code == 200
    assert here.post("/access/password/", form)["Location"] == "/access/account/"
    assert here.get("/access/account/").status_code == 200
    assert there.get("/access/account/").status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.django_db
def test_set_password__of_somebody_else__is_refused_to_everybody() -> None:
    from controlplane.lib.errors import NotAllowed

    ws = make.workspace()
    user = make.person(ws, "viewer")
    for other in (make.person(ws, "workspace_admin"), make.superuser()):
        with pytest.raises(NotAllowed):
            services.set_password(user, NEW, actor=make.actor(other))
