"""Mails of monitors become alerts, whatever they look like."""

from __future__ import annotations

import io
import random
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controlplane.lib.errors import Invalid
from incidents.intake import receiving, sources
from incidents.models import Alert, AlertSource, InboundEvent, Incident
from tests import make
from tests.kit import alerts as kit
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def source() -> AlertSource:
    return kit.source(make.workspace(), "email", name="Monitors").source


def _mail(subject: str = "[CRITICAL] Disk full on db1", text: str = "Two percent left.",
          kind: str = "text/plain; charset=utf-8", **headers: str) -> bytes:  # fmt: skip
    lines = ["From: Monitor <monitor@example.com>", f"Subject: {subject}", f"Content-Type: {kind}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode()


def _take(source: AlertSource, body: bytes) -> Any:
    return receiving.receive(source, "mail", body)


def test_mail__fires_and_is_over_by_its_subject(source: AlertSource) -> None:
    assert _take(source, _mail()).incidents == [Incident.objects.get().ref]
    alert = Alert.objects.get()
    assert (alert.title, alert.severity) == ("Disk full on db1", "critical")
    assert alert.labels["sender"] == "monitor@example.com"
    assert _take(source, _mail("Re: [CRITICAL] disk full on db1")).repeated == 1
    assert _take(source, _mail("[RESOLVED] [CRITICAL] Disk full on db1")).resolved == 1
    alert.refresh_from_db()
    assert alert.status == "resolved"


@pytest.mark.parametrize(
    ("subject", "title", "severity", "status"),
    [
        ("Disk full", "Disk full", "warning", "firing"),
        ("WARNING: Disk full", "Disk full", "warning", "firing"),
        ("[FIRING:1] Disk full", "Disk full", "warning", "firing"),
        ("(info) Disk full", "Disk full", "info", "firing"),
        ("[billing] Disk full", "[billing] Disk full", "warning", "firing"),
        ("=?utf-8?b?W0NSSVRJQ0FMXSBGZXN0cGxhdHRlIHZvbGwg4oCTIGRiMQ==?=",
         "Festplatte voll – db1", "critical", "firing"),
        ("=?no-such-charset?q?Disk_full?=", "Disk full", "warning", "firing"),
    ],
)  # fmt: skip
def test_subject__says_what_and_how_grave(
    source: AlertSource, subject: str, title: str, severity: str, status: str
) -> None:
    _take(source, _mail(subject))
    alert = Alert.objects.get()
    assert (alert.title, alert.severity, alert.status) == (title, severity, status)


def test_html_only__is_read_as_its_words(source: AlertSource) -> None:
    page = "<style>x{}</style><p>Disk &amp; more</p><script>alert(1)</script><div>is full</div>"
    _take(source, _mail(text=page, kind="text/html"))
    assert Alert.objects.get().description == "Disk & more\nis full"


def test_multipart__takes_the_plain_text_and_no_attachment(source: AlertSource) -> None:
    text = (
        "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nsecret file\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nplain words\r\n--b--\r\n"
    )
    _take(source, _mail(text=text, kind='multipart/mixed; boundary="b"'))
    assert Alert.objects.get().description == "plain words"


def test_secrets__are_redacted(source: AlertSource) -> None:
    _take(source, _mail(text="Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789"))
    assert "abcdefghijklmnopqrstuvwxyz0123456789" not in Alert.objects.get().description


def test_hostile__is_read_or_refused_and_always_kept(source: AlertSource) -> None:
    chance = random.Random(7)
    deep = "".join(f"--{n}\r\nContent-Type: multipart/mixed; boundary={n + 1}\r\n\r\n"
                   for n in range(300))  # fmt: skip
    bodies = [
        b"", b"\0\0\0", b"Subject: \xff\xfe\r\n\r\n\xff", b"no headers at all",
        _mail(text=deep, kind="multipart/mixed; boundary=0"),
        _mail("x" * 5_000), _mail(text="y" * 2_000_000),
        _mail(Date="Sun, 99 Nov 9999 99:99:99 +9999"), _mail(text="<" * 50_000, kind="text/html"),
        _mail("=?utf-8?b?!!!?="), _mail(kind="text/plain; charset=nothing"),
        _mail(text="!!!", **{"Content-Transfer-Encoding": "base64"}),
        *(bytes(chance.randrange(256) for _ in range(400)) for _ in range(20)),
    ]  # fmt: skip
    for body in bodies:
        try:
            _take(source, body)
        except Invalid:
            continue
    assert InboundEvent.objects.count() == len(bodies)
    assert set(InboundEvent.objects.values_list("state", flat=True)) <= {"done", "dead"}


def _pipe(monkeypatch: pytest.MonkeyPatch, body: bytes, *args: str) -> str:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(body)))
    out = io.StringIO()
    call_command("receive_alert_mail", *args, stdout=out)
    return out.getvalue()


def test_pipe__takes_a_mail_and_says_what_became_of_it(
    source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "1 new" in _pipe(monkeypatch, _mail(), "--source", "Monitors")
    assert "1 said again" in _pipe(monkeypatch, _mail(), "--source", str(source.uid))


def test_pipe__says_to_the_mail_server_what_went_wrong(
    source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code(body: bytes, *args: str) -> int:
        with pytest.raises(CommandError) as error:
            _pipe(monkeypatch, body, *args)
        return error.value.returncode

    assert code(b"\r\n\r\n", "--source", "Monitors") == 65
    assert code(b"x" * (10 * 1024 * 1024 + 1), "--source", "Monitors") == 65
    assert code(_mail(), "--source", "Nobody") == 67
    sources.switch_source(source, actor=make.JOB, on=False, reason="no more")
    assert code(_mail(), "--source", "Monitors") == 67
    kit.source(make.workspace(), "email", name="Twice")
    kit.source(make.workspace(), "email", name="Twice")
    assert code(_mail(), "--source", "Twice") == 67
