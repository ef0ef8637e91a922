"""Each kind of channel against a real receiver: what it sends, and how it reads the answer."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.mail import EmailMessage
from pytest_django.fixtures import Settings

from controlplane.lib import clock, http
from controlplane.lib.errors import Invalid
from controlplane.notify import channels
from controlplane.notify.channels import KINDS, Button, Message, slack
from tests.kit.receivers import Mailbox, Receiver, http_receiver, mail_receiver

ROUTING_KEY = "R0" + "a" * 30
SECRET = "a-signing-secret-of-some-length"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with mail_receiver() as mailbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = mailbox.host, mailbox.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield mailbox


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "key": "delivery-1",
        "subject": "Backup failed",
        "body": "The newest backup is 30 h old.",
        "urgency": "critical",
        "kind": "backup.stale",
        "link": "https://portal.example/admin/backups/",
        "workspace": "demo",
        "about": "backups.backupreport:3",
        "sent_at": "2026-11-21T10:00:00+00:00",
    }
    return Message(**(fields | changes))


def test_webhook__signed_body_that_the_receiver_can_verify(receiver: Receiver) -> None:
    outcome = KINDS["webhook"].send(receiver.url + "/hook", SECRET, message())
    got = receiver.received[0]
    assert (outcome.kind, outcome.status) == ("accepted", 200)
    assert got.json()["subject"] == "Backup failed"
    assert got.headers["Idempotency-Key"] == "delivery-1"
    assert http.verify(SECRET.encode(), got.body, got.headers, clock.now())
    assert not http.verify(SECRET.encode(), got.body + b" ", got.headers, clock.now())


def test_slack__escapes_markup_so_that_a_name_cannot_mention(receiver: Receiver) -> None:
    KINDS["slack"].send("#ops", receiver.url, message(subject="<!channel> & <script>"))
    sent = receiver.received[0].json()
    text = sent["blocks"][0]["text"]["text"]
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; &amp; &lt;script&gt;" in text
    links = [block["text"]["text"] for block in sent["blocks"]]
    assert "<https://portal.example/admin/backups/|Open in the portal>" in links


@pytest.mark.parametrize("letter", ["a", "<", "&", "é", "\U0001f525"])
def test_slack__no_section_is_longer_than_slack_takes(receiver: Receiver, letter: str) -> None:
    long = message(subject=letter * 200, body=letter * 8000, link="https://p.example/" + "x" * 900)
    KINDS["slack"].send("#ops", receiver.url, long)
    for block in receiver.received[0].json()["blocks"]:
        text = block["text"]["text"]
        assert 0 < len(text) <= 3000
        assert not text.rstrip("…").endswith(("&", "&l", "&lt", "&a", "&am", "&amp"))


def test_slack__a_link_stays_one_link(receiver: Receiver) -> None:
    KINDS["slack"].send("#ops", receiver.url, message(link="https://p.example/?q=a|b> <!here>"))
    sent = receiver.received[0].json()["blocks"][-1]["text"]["text"]
    assert sent == "<https://p.example/?q=a%7Cb%3E%20%3C!here%3E|Open in the portal>"


def test_teams__adaptive_card_with_a_link(receiver: Receiver) -> None:
    KINDS["teams"].send("Ops", receiver.url, message())
    card = receiver.received[0].json()["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["actions"][0]["url"] == "https://portal.example/admin/backups/"


def test_teams__markdown_in_a_name_is_no_link(receiver: Receiver) -> None:
    KINDS["teams"].send("Ops", receiver.url, message(subject="[sign in](https://evil.example)"))
    card = receiver.received[0].json()["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["body"][0]["inlines"][0]["text"] == "[sign in](https://evil.example)"


@pytest.mark.parametrize("letter", ["a", "\U0001f525", "\n", "x\n", '"'])
def test_teams__fits_into_what_teams_takes(receiver: Receiver, letter: str) -> None:
    KINDS["teams"].send("Ops", receiver.url, message(subject=letter * 200, body=letter * 8000))
    assert len(receiver.received[0].body) < 28_000


def test_pagerduty__trigger_event_and_the_receivers_own_key(receiver: Receiver) -> None:
    receiver.will_answer(202, b'{"status":"success","dedup_key":"theirs"}')
    outcome = KINDS["pagerduty"].send(receiver.url + "/v2/enqueue", ROUTING_KEY, message())
    event = receiver.received[0].json()
    assert outcome.provider_id == "theirs"
    assert event["event_action"] == "trigger"
    assert event["dedup_key"] == "delivery-1"
    assert event["payload"]["severity"] == "critical"


def test_email__one_message_id_for_every_try(mailbox: Mailbox) -> None:
    for _ in range(2):
        assert KINDS["email"].send("ana@example.com", "", message()).kind == "accepted"
    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Subject"] == "[critical] Backup failed"


def test_email__a_subject_of_several_lines_injects_no_header(mailbox: Mailbox) -> None:
    KINDS["email"].send("ana@example.com", "", message(subject="Hello\r\nBcc: eve@example.com"))
    assert mailbox.messages[0]["Bcc"] is None
    assert "Bcc: eve" in str(mailbox.messages[0]["Subject"])


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPAuthenticationError(535, b"wrong password"),
        smtplib.SMTPSenderRefused(550, b"not yours", "portal@example.org"),
        smtplib.SMTPConnectError(554, b"go away"),
    ],
)
def test_email__our_own_set_up_is_wrong__the_mail_waits(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise error

    monkeypatch.setattr(EmailMessage, "send", refuse)
    assert KINDS["email"].send("ana@example.com", "", message()).kind == "retry"


def test_receivers_answer__is_made_storable_and_echoes_no_secret(receiver: Receiver) -> None:
    receiver.will_answer(400, b"bad\x00 key " + ROUTING_KEY.encode() + b"\x1b[31m")
    outcome = channels.send("pagerduty", receiver.url, ROUTING_KEY, message())
    assert outcome.kind == "rejected"
    assert "bad" in outcome.detail
    assert "\x00" not in outcome.detail
    assert "\x1b" not in outcome.detail
    assert ROUTING_KEY not in outcome.detail


def test_email__no_server__tries_again_later(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert KINDS["email"].send("ana@example.com", "", message()).kind == "retry"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "accepted"), (204, "accepted"), (400, "rejected"), (404, "rejected"),
     (408, "retry"), (429, "retry"), (500, "retry"), (503, "retry"), (302, "rejected")],
)  # fmt: skip
def test_answer__decides_between_done_later_and_never(
    receiver: Receiver, status: int, kind: str
) -> None:
    receiver.will_answer(status, b"")
    assert KINDS["webhook"].send(receiver.url, SECRET, message()).kind == kind


def test_retry_after__is_kept(receiver: Receiver) -> None:
    receiver.will_answer(429, b"slow down", Retry_After="7")
    assert KINDS["webhook"].send(receiver.url, SECRET, message()).retry_after == 7.0


def test_private_address__is_refused_for_good(settings: Settings) -> None:
    settings.OUTGOING_ALLOW = []
    with http_receiver() as receiver:
        outcome = KINDS["webhook"].send(receiver.url, SECRET, message())
        assert outcome.kind == "rejected"
        assert receiver.received == []


@pytest.mark.parametrize(
    ("kind", "target", "secret"),
    [
        ("email", "not an address", ""),
        ("slack", "#ops", ""),
        ("teams", "Ops", ""),
        ("webhook", "https://hooks.example/x", "short"),
        ("webhook", "ftp://hooks.example/x", SECRET),
        ("pagerduty", "", "too-short"),
    ],
)
def test_check__refuses_what_cannot_work(kind: str, target: str, secret: str) -> None:
    with pytest.raises(Invalid):
        KINDS[kind].check(target, secret)


# --- What belongs together ------------------------------------------------------------------------


def test_email__critical_says_so_in_every_way_and_offers_no_unsubscribing(
    mailbox: Mailbox,
) -> None:
    wishes = "https://portal.example/account/"
    for urgency in ("critical", "normal"):
        KINDS["email"].send("ana@example.com", "", message(urgency=urgency, wishes=wishes))
    loud, calm = mailbox.messages
    assert loud["X-Priority"] == "1 (Highest)"
    assert loud["Priority"] == "urgent"
    assert loud["List-Unsubscribe"] is None
    assert calm["X-Priority"] is None
    assert calm["List-Unsubscribe"] == f"<{wishes}>"


def test_email__text_and_html_say_the_same_and_run_nothing(mailbox: Mailbox) -> None:
    ack = Button("ack", "Acknowledge", "https://portal.example/answer/ack/1.2")
    body = "<script>alert(1)</script> & more"
    KINDS["email"].send("ana@example.com", "", message(body=body, buttons=(ack,)))
    plain, html = (
        part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        for part in mailbox.messages[0].walk()
        if part.get_content_maintype() == "text"
    )
    assert ack.url in plain
    assert f'href="{ack.url}"' in html
    assert body in plain
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_email__one_thread_is_one_conversation(mailbox: Mailbox) -> None:
    for key in ("first", "second"):
        KINDS["email"].send("ana@example.com", "", message(key=key, thread="incident:7"))
    first, second = mailbox.messages
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"] == second["In-Reply-To"]


def test_pagerduty__acknowledge_and_resolve_name_the_same_incident(receiver: Receiver) -> None:
    for step in ("news", "acknowledge", "resolve"):
        told = message(key=step, step=step, thread="incident:7")
        outcome = KINDS["pagerduty"].send(receiver.url, ROUTING_KEY, told)
        assert outcome.provider_id == "demo/incident:7"
    events = [got.json() for got in receiver.received]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {"demo/incident:7"}
    KINDS["pagerduty"].send(
        receiver.url, ROUTING_KEY, message(step="resolve", thread="incident:7", earlier="theirs")
    )
    assert receiver.received[-1].json()["dedup_key"] == "theirs"


def test_webhook__tells_what_a_message_is_within_its_thread(receiver: Receiver) -> None:
    KINDS["webhook"].send(receiver.url, SECRET, message(step="resolve", thread="incident:7"))
    said = receiver.received[0].json()
    assert (said["step"], said["thread"]) == ("resolve", "incident:7")


TOKEN = "xoxb-" + "1" * 20


def test_slack_by_token__keeps_a_thread_and_ends_it_in_the_channel(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "API_URL", receiver.url + "/api")
    receiver.will_answer(200, b'{"ok": true, "channel": "C1", "ts": "17.5"}')
    first = KINDS["slack"].send("#ops", TOKEN, message())
    assert first.provider_id == "C1:17.5"
    got = receiver.received[0]
    assert (got.path, got.json()["channel"]) == ("/api/chat.postMessage", "ops")
    assert got.headers["Authorization"] == f"Bearer {TOKEN}"
    receiver.will_answer(200, b'{"ok": true, "channel": "C1", "ts": "18.0"}')
    KINDS["slack"].send("#ops", TOKEN, message(earlier="C1:17.5", step="resolve"))
    said = receiver.received[1].json()
    assert (said["channel"], said["thread_ts"]) == ("C1", "17.5")
    assert said["reply_broadcast"] is True


@pytest.mark.parametrize(
    ("error", "kind"),
    [("channel_not_found", "rejected"), ("invalid_auth", "rejected"), ("ratelimited", "retry")],
)
def test_slack_by_token__a_refusal_within_a_200_is_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, error: str, kind: str
) -> None:
    monkeypatch.setattr(slack, "API_URL", receiver.url)
    receiver.will_answer(200, b'{"ok": false, "error": "%s"}' % error.encode())
    outcome = KINDS["slack"].send("#ops", TOKEN, message())
    assert (outcome.kind, outcome.detail) == (kind, f"Slack: {error}")
