"""Mails to support, real and hostile ones: each opens a ticket or joins the one it answers, once;
nothing a program wrote is answered; and what goes out finds its way back."""

from __future__ import annotations

import io
import runpy
from email.message import EmailMessage
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from controlplane.lib.errors import Conflict, Invalid
from incidents.models import Ticket, TicketMail
from incidents.support import answering, letters, links, mailing, moving, receiving
from tests import make
from tests.kit import settled
from tests.kit.support import Desk

pytestmark = pytest.mark.django_db
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.primary, desk.secondary, desk.admin):
        assert person.pk
    return desk


@pytest.fixture(autouse=True)
def mailbox(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CONTROLPLANE_SUPPORT_MAIL_ADDRESS", "help@example.com")
    return "help@example.com"


def letter(text: str = "It says no.", **headers: str) -> EmailMessage:
    made = EmailMessage()
    names = {"From": "Ann <ann@example.com>", "To": "help@example.com", "Subject": "Sign in fails",
             "Message-ID": "<1@example.com>"}  # fmt: skip
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {**names, **given}.items():
        if value:
            made[name] = value
    made.set_content(text)
    return made


def take(desk: Desk, given: EmailMessage | bytes) -> receiving.Received:
    body = given if isinstance(given, bytes) else given.as_bytes()
    return receiving.receive(desk.workspace, body)


def opened(desk: Desk, given: EmailMessage | bytes) -> Ticket:
    found = take(desk, given)
    assert (found.outcome, found.ticket is not None) == ("opened", True)
    assert found.ticket is not None
    return found.ticket


def texts(row: Ticket) -> list[tuple[str, str]]:
    return list(row.messages.order_by("pk").values_list("kind", "text"))


def sent(desk: Desk) -> list[Any]:
    desk.send()
    found = [each for each in mail.outbox if "[TKT-" in each.subject]
    mail.outbox.clear()
    return found


# --- There and back ----------------------------------------------


def test_mail__opens_a_ticket_is_acknowledged_and_its_answers_come_home(desk: Desk) -> None:
    row = opened(desk, letter())
    assert (row.subject, row.requester_name, row.requester_email, row.channel) == (
        "Sign in fails", "Ann", "ann@example.com", "mailbox",
    )  # fmt: skip
    [receipt] = sent(desk)
    mark = links.mark(row)
    assert receipt.to == ["ann@example.com"]
    assert receipt.subject == f"Re: Sign in fails [{mark}]"
    assert receipt.extra_headers["In-Reply-To"] == "<1@example.com>"
    assert receipt.extra_headers["Reply-To"] == f"help+{mark.lower()}@example.com"
    assert receipt.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "TKT-1" in receipt.body
    assert f"/support/t/{links.token_of(row)}" in receipt.body
    desk.answer(row, "Which browser?", ask=True)
    [asked] = sent(desk)
    assert asked.body.startswith("Which browser?")
    assert "Workspace" not in asked.body
    for number, way in enumerate((
        {"To": f"help+{mark.lower()}@example.com", "Subject": "Hm"},
        {"Subject": f"Re: Sign in [{mark}]"},
        {"Subject": "Re: Sign in", "In_Reply_To": asked.extra_headers["Message-ID"]},
        {"Subject": "Re: Sign in", "References": "<1@example.com> <x@y>"},
    )):  # fmt: skip
        found = take(desk, letter(f"Answer {number}", Message_ID=f"<a{number}@x>", **way))
        assert (found.outcome, found.ticket) == ("joined", row), (way, texts(found.ticket or row))
    assert texts(row)[2:] == [("request", f"Answer {number}") for number in range(4)]
    row.refresh_from_db()
    assert row.status == "working"


def test_mail__of_somebody_of_the_house_is_theirs(desk: Desk) -> None:
    row = opened(desk, letter(From=f"Somebody <{desk.viewer.email.upper()}>"))
    assert row.requester == desk.viewer


def test_mail__with_a_stolen_or_an_old_mark_opens_another(desk: Desk) -> None:
    row = opened(desk, letter())
    forged = f"Re: [{row.ref}.{'a' * 16}]"
    other = opened(desk, letter(Subject=forged, Message_ID="<2@x>", From="eve@example.com"))
    assert (other != row, other.subject) == (True, "Re:")
    mark = links.mark(row)
    moving.revoke_links(row, actor=desk.by(desk.primary), reason="Forwarded.")
    third = take(desk, letter(Subject=f"[{mark}]", Message_ID="<3@x>", From="eve@example.com"))
    assert third.outcome == "opened"
    thread = letter(References="<1@example.com>", Message_ID="<4@x>", From="eve@example.com")
    assert take(desk, thread).outcome == "opened"  # only whoever wrote the first goes on with it


def test_mail__of_another_who_has_the_mark_is_named_with_its_address(desk: Desk) -> None:
    row = opened(desk, letter())
    take(desk, letter(Subject=links.mark(row), From="Bob <bob@example.com>", Message_ID="<2@x>"))
    assert row.messages.latest("pk").author_name == "Bob <bob@example.com>"


def test_mail__reopens_what_was_resolved_and_spam_never(desk: Desk) -> None:
    row = opened(desk, letter())
    row = desk.triaged(row=row)
    row = moving.resolve(row, actor=desk.by(desk.primary), resolution="A new password.")
    take(desk, letter("It does not work.", Subject=links.mark(row), Message_ID="<2@x>"))
    row.refresh_from_db()
    assert row.status == "reopened"
    spam = moving.mark_spam(opened(desk, letter(Message_ID="<3@x>")), actor=desk.by(desk.primary))
    again = take(desk, letter(Subject=links.mark(spam), Message_ID="<4@x>"))
    assert (again.outcome, again.ticket != spam) == ("opened", True)


# --- Once, and in no circle ----------------------------------------------


def test_mail__delivered_twice_is_one(desk: Desk) -> None:
    first = opened(desk, letter())
    again = take(desk, letter("Other bytes, the same id."))
    assert (again.outcome, again.ticket) == ("again", first)
    bare = letter(Message_ID="")
    opened(desk, bare)
    assert take(desk, bare).outcome == "again"
    assert Ticket.objects.count() == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<news.example>"},
        {"X_Autoreply": "yes"}, {"From": "no-reply@example.com"}, {"Return_Path": "<>"},
    ],
)  # fmt: skip
def test_mail__that_a_program_wrote_is_answered_by_nobody(
    desk: Desk, headers: dict[str, str]
) -> None:
    row = opened(desk, letter(**headers))
    assert sent(desk) == []
    desk.answer(row, "Are you there?", ask=True)
    sent(desk)
    away = letter("I am away.", Subject=links.mark(row), Message_ID="<2@x>", **headers)
    assert take(desk, away).outcome == "joined"
    row.refresh_from_db()
    assert (row.status, texts(row)[-1]) == ("waiting", ("note", "I am away."))
    assert sent(desk) == []


def test_mail__of_ours_that_came_back_opens_nothing(desk: Desk) -> None:
    assert take(desk, letter(From="help@example.com")).outcome == "own"
    ours = letter(X_Idempotency_Key=f"{mailing.TOPIC}:x", Message_ID="<2@x>")
    assert take(desk, ours).outcome == "own"
    assert not Ticket.objects.exists()


def test_mail__that_was_not_delivered_is_noted(desk: Desk) -> None:
    row = opened(desk, letter())
    bounce = letter(
        f"Not delivered: Re: Sign in fails [{links.mark(row)}]",
        From="MAILER-DAEMON@mx.example.com", Message_ID="<2@x>",
    )  # fmt: skip
    assert (take(desk, bounce).outcome, texts(row)[-1][0]) == ("bounced", "note")
    nobody = letter("Not delivered.", From="MAILER-DAEMON@mx.example.com", Message_ID="<3@x>")
    assert (take(desk, nobody).outcome, Ticket.objects.count()) == ("bounced", 1)


def test_receipts__end_where_two_programs_write_to_each_other(desk: Desk) -> None:
    for number in range(8):
        opened(desk, letter(Message_ID=f"<{number}@x>"))
    assert len(sent(desk)) == receiving.RECEIPTS.value


# --- Hostile and broken ----------------------------------------------


def test_html__becomes_words(desk: Desk) -> None:
    made = letter()
    made.set_content(
        "<html><head><title>no</title><style>p{}</style></head><body><p>Hello <b>you</b></p>"
        "<script>alert(1)</script><div>See <a href='javascript:x()'>this</a> &lt;img&gt;</div>"
        "<img src=x onerror=alert(1)></body></html>", subtype="html",
    )  # fmt: skip
    assert texts(opened(desk, made)) == [("request", "Hello you\nSee this <img>")]


def test_quotes__are_left_out_and_kept_with_the_mail(desk: Desk) -> None:
    said = "No.\n\nOn Mon, 2 Mar 2026, Support wrote:\n> Try again.\n> Please.\n"
    row = opened(desk, letter(said))
    assert texts(row) == [("request", "No.")]
    assert "Please." in TicketMail.objects.get().text
    assert letters.newest("> only\n> quotes") == "> only\n> quotes"


def test_files__are_kept_refused_and_told(desk: Desk) -> None:
    made = letter("See the picture.")
    made.add_attachment(PNG, maintype="image", subtype="png", filename="shot.png")
    made.add_attachment(b"no picture", maintype="image", subtype="png", filename="../../b.png")
    row = opened(desk, made)
    said = row.messages.get()
    assert [each["title"] for each in said.files] == ["shot.png"]
    assert [each["title"] for each in said.refused] == ["../../b.png"]
    [receipt] = sent(desk)
    assert "could not be kept" in receipt.body


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\nH\xc3\xa4\r\n", "Hä"),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nH\xe4\r\n", "Hä"),
        (b"Content-Type: text/plain; charset=moon\r\n\r\nH\xe4\r\n", "Hä"),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\nH\xe4\r\n", "H\ufffd"),
        (b"Content-Type: text/plain; charset=idna\r\n\r\nHo\r\n", "Ho"),
        (b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-Ho\r\n", "?Ho"),
        (b"Content-Type: text/plain\r\n\r\nA\x00B\r\n", "AB"),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHo\r\n", "Ho"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n!!SG8=\r\n", "Ho"),
        (b"Content-Type: text/html\r\n\r\n<p>Ho<script>x", "Ho"),
        (b"Content-Type: text/html\r\n\r\n<p>Ho</p><![x[ no ]]>", "Ho"),
        (b"Content-Type: text/html\r\n\r\n<p>Ho</p><![ >", "Ho"),
        (b"\r\nHo\r\n", "Ho"),
    ],
)  # fmt: skip
def test_bytes__of_every_kind_become_words(desk: Desk, raw: bytes, text: str) -> None:
    head = b"From: a@example.com\r\nSubject: =?moon?q?H=E4?= =?utf-8?b?w\r\nMessage-ID: <9@x>\r\n"
    assert texts(opened(desk, head + raw)) == [("request", text)]


def test_headers__that_lie_or_never_end_break_nothing(desk: Desk) -> None:
    raw = (
        b"From: =?utf-8?q?=0AEve?= <eve@example.com>\r\nSubject: " + b"a" * 5_000
        + b"\r\nMessage-ID: <" + b"x" * 900 + b">\r\nReferences: " + b"<a@b> " * 2_000
        + b"\r\n\r\nHo\r\n"
    )  # fmt: skip
    row = opened(desk, raw)
    assert (len(row.subject), row.requester_name) == (200, "Eve")
    desk.answer(row, "Yes?")
    assert len(sent(desk)) == 2


@pytest.mark.parametrize(
    "raw", [b"", b"\x00" * 50, b"From: a@example.com\r\n\r\n \r\n", b"Subject: x\r\n\r\nHo\r\n"]
)
def test_nothing__is_refused_and_that_it_came_is_kept(desk: Desk, raw: bytes) -> None:
    with pytest.raises(Invalid):
        take(desk, raw)
    assert TicketMail.objects.get().outcome == "refused"


def test_large__is_refused_and_secrets_are_taken_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_SUPPORT_MAIL_MOST_BYTES", "1000")
    with pytest.raises(Invalid, match="1,000 bytes"):
        take(desk, letter("x" * 2_000))
    opened(desk, letter("My password=hunter22secret"))
    assert "hunter22secret" not in TicketMail.objects.latest("pk").text


# --- The command ----------------------------------------------


def pipe(monkeypatch: pytest.MonkeyPatch, body: bytes, *args: str) -> str:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
    out = io.StringIO()
    call_command("receive_support_mail", *args, stdout=out)
    return out.getvalue().strip()


def test_command__tells_the_mail_server_what_became_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = desk.workspace.slug
    assert pipe(monkeypatch, letter().as_bytes(), "--workspace", slug) == "opened TKT-1"
    assert pipe(monkeypatch, letter().as_bytes(), "--workspace", slug) == "again TKT-1"
    for body, workspace, code in ((b"", slug, 65), (letter().as_bytes(), "moon", 67)):
        with pytest.raises(CommandError) as caught:
            pipe(monkeypatch, body, "--workspace", workspace)
        assert caught.value.returncode == code


@pytest.mark.parametrize("command", ["receive_support_mail", "receive_alert_mail"])
@pytest.mark.parametrize("error", [OperationalError("connection refused"), KeyError("x")])
def test_command__says_later_whatever_went_wrong(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: str, error: Exception
) -> None:
    def away(*_args: object) -> None:
        raise error

    args = ["--source", "Mails"] if command == "receive_alert_mail" else []
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(letter().as_bytes())))
    raises = pytest.raises(CommandError, match="try again later")
    with connection.execute_wrapper(away), raises as caught:
        call_command(command, *args)
    assert caught.value.returncode == 75


@pytest.mark.parametrize(("command", "code"), [("receive_support_mail", 75), ("migrate", 1)])
def test_command__says_later_where_it_does_not_even_begin(
    monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    def away(_argv: list[str]) -> None:
        raise OperationalError("could not connect")

    monkeypatch.setattr("django.core.management.execute_from_command_line", away)
    monkeypatch.setattr("controlplane.bootstrap.ensure", lambda _argv: None)
    monkeypatch.setattr("controlplane.bootstrap.load_environment", lambda _argv: None)
    monkeypatch.setattr("sys.argv", ["manage.py", command])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path("manage.py", run_name="__main__")
    assert caught.value.code == code


def test_mail__that_nobody_foresaw_is_kept_once_and_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_given: object) -> None:
        raise AssertionError("unknown")

    with monkeypatch.context() as patched:
        patched.setattr(letters, "read", broken)
        for _ in range(2):
            with pytest.raises(AssertionError):
                take(desk, letter())
    kept = TicketMail.objects.get()
    assert (kept.outcome, kept.why) == ("refused", "It could not be taken: AssertionError.")
    assert opened(desk, letter()).subject == "Sign in fails"


def test_answer__that_collides_opens_no_other_ticket_and_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = opened(desk, letter())
    desk.answer(row, "Which browser?", ask=True)
    said = letter("Firefox.", Subject=links.mark(row), Message_ID="<2@x>")

    def meanwhile(*_args: object, **_given: object) -> None:
        raise Conflict("Somebody changed it since you looked.")

    with monkeypatch.context() as patched:
        patched.setattr(answering, "advance", meanwhile)
        with pytest.raises(Conflict):
            take(desk, said)
    assert Ticket.objects.count() == 1
    assert take(desk, said).outcome == "joined"
    assert texts(row)[-1] == ("request", "Firefox.")


def test_stranger__another_workspaces_mark_means_nothing_here(desk: Desk) -> None:
    row = opened(desk, letter())
    far = make.workspace()
    found = receiving.receive(far, letter(Subject=links.mark(row), Message_ID="<5@x>").as_bytes())
    assert found.ticket is not None
    assert found.ticket.workspace == far
