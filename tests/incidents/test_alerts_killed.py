"""Processes are killed for real while alerts become pages; and the count itself is counted."""

from __future__ import annotations

import os
import signal
import smtplib
from collections import Counter
from email.message import EmailMessage
from random import Random

import pytest
from django.db import connection

from controlplane.lib.ending import asked_to_end
from incidents.benches.killed import rows, trial
from incidents.benches.killed.audit import audit, unfinished
from incidents.benches.killed.traffic import Mails
from incidents.benches.killed.trial import SHARES, Plan
from incidents.models import Page
from tests.kit import alerts as kit
from tests.kit.incidents import Watchroom, role

KILLS = int(os.environ.get("ALERTS_KILLS", "8"))


@pytest.mark.chaos
@pytest.mark.slow
def test_processes_killed__no_alert_and_no_page_is_lost() -> None:
    told = trial.hold(
        Plan(incidents=60, kills=KILLS, over_s=12, standstill_s=0, outage_s=0, stop_in_storm=False)
    )
    assert told.missed() == []
    assert sum(told.kills.values()) >= KILLS
    assert told.audit.pages >= 3 * 60
    assert list(rows(told))


def test_victims__every_kind_and_as_many_as_asked() -> None:
    thirty = Plan(kills=30).victims(Random(1))
    assert Counter(thirty) == Counter(SHARES)
    assert set(Plan(kills=8).victims(Random(2))) == set(SHARES)
    assert len(Plan(kills=50).victims(Random(3))) == 50


@pytest.mark.django_db
def test_audit__finds_what_is_lost_and_what_was_sent_again() -> None:
    room = Watchroom()
    primary = room.primary
    room.policy((60, [role("primary_operator")]))
    source, _ = kit.source(room.workspace)
    kit.tell(source, kit.incoming("Kept"), kit.incoming("Kept", instance="b"))
    room.tick()
    pages = Page.objects.filter(user=primary).select_related("notification")
    key = str(pages.get().notification.uid)
    mailed = Counter({(key, primary.email.lower()): 3})
    connection.ensure_connection()
    database = connection.connection
    assert database is not None
    well = audit(database, {"Kept": 2}, mailed, 1)
    assert (well.lost, well.repeats, well.doubled, well.pages) == (0, 2, 0, 1)
    seen = audit(database, {"Kept": 3, "Gone": 1}, Counter(), 2)
    assert seen.lost_alerts == ["Kept", "Gone"]
    assert len(seen.uncalled) == 2
    assert len(seen.lost_pages) == 1
    assert unfinished(database, 1) == 1, "its mail was never sent"


def test_mails__count_what_was_promised_and_refuse_while_away() -> None:
    server = Mails(answer_s=0)
    mail = EmailMessage()
    mail["X-Idempotency-Key"] = "page-1"
    mail.set_content("You are called.\n.\nReally.")
    try:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.send_message(mail, "portal@example.org", ["Ada@example.org"])
        assert server.taken == {("page-1", "ada@example.org"): 1}
        server.away.set()
        with pytest.raises(smtplib.SMTPException):
            smtplib.SMTP("127.0.0.1", server.port).ehlo_or_helo_if_needed()
    finally:
        server.shutdown()
        server.server_close()


def test_asked_to_end__ends_what_it_started_and_nothing_keeps_it_from_that() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopped = []
    with pytest.raises(SystemExit) as ended, asked_to_end():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            stopped.append("the portal")
    assert (ended.value.code, stopped) == (143, ["the portal"])
    assert signal.getsignal(signal.SIGTERM) is before
