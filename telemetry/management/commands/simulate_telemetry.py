"""`manage.py simulate_telemetry`: a believable load, through the doors that agents use."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from telemetry import partitions, rollups, simulate
from telemetry.simulate.sending import Send

MINUTE = timedelta(minutes=1)
STEP = timedelta(seconds=5)
_MOST = {"rate": 10_000_000, "minutes": 600_000, "back": 400}


class Command(BaseCommand):
    help = (
        "Make up telemetry of agents, missions and people, and report it. The same seed tells the"
        " same of the same minutes, so a second run only redelivers."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=60.0, help="events a minute on average")
        parser.add_argument("--minutes", type=float, default=10.0, help="how long a time to tell")
        parser.add_argument("--seed", type=int, default=20251016)
        parser.add_argument("--workspace", default="demo", help="its slug (not with --url)")
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--from", dest="start", help="begin there (ISO 8601) instead of at now")
        when.add_argument("--back", type=float, metavar="DAYS", help="tell the last DAYS days")
        when.add_argument("--live", action="store_true", help="tell it as time goes by")
        parser.add_argument("--url", help="send it over HTTP to the portal there")
        parser.add_argument("--key", default="-", help="an agent's key; - reads it from stdin")
        parser.add_argument(
            "--steady", action="store_true", help="as busy at night and on Sundays as by day"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name, most in _MOST.items():
            # Also what is no number at all: nothing is true of it.
            if options[name] is not None and not 0 < options[name] <= most:
                raise CommandError(f"--{name} must be positive, and at most {most:,}.")
        start, end = _window(options)
        send = self._send(options)
        began = time.perf_counter()
        events = simulate.events(
            options["seed"], start, end, options["rate"], steady=_is_steady(options)
        )
        totals = simulate.Totals()
        try:
            if options["live"]:
                for part in _paced(events):
                    simulate.deliver(part, send, totals=totals)
            else:
                simulate.deliver(events, send, totals=totals)
        except ControlPlaneError as error:
            raise CommandError(str(error)) from error
        if not options["url"] and not options["live"]:
            rollups.settle()
        took = time.perf_counter() - began
        self.stdout.write(
            f"{totals.sent:,} events of {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC:"
            f" {totals.accepted:,} accepted, {totals.duplicates:,} there already,"
            f" {totals.rejected:,} refused; {took:.1f} s."
        )

    def _send(self, options: dict[str, Any]) -> Send:
        if options["url"]:
            key = sys.stdin.readline().strip() if options["key"] == "-" else options["key"]
            return simulate.over_http(options["url"], key, wait=time.sleep)
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']!r}.")
        if settings.PRODUCTION and not workspace.is_demo:
            raise CommandError("In production only a demo workspace takes made-up events.")
        return simulate.inside(workspace, relieve=rollups.settle)


def _is_steady(options: dict[str, Any]) -> bool:
    """Days have a rhythm; whoever asks for some minutes wants the rate they name."""
    return bool(options["steady"]) or options["back"] is None


def _window(options: dict[str, Any]) -> tuple[datetime, datetime]:
    now = clock.now()
    lasts = timedelta(minutes=options["minutes"])
    if options["live"]:
        return now, now + lasts
    if options["back"] is not None:
        oldest = partitions.oldest_open()
        return max(now - timedelta(days=options["back"]), oldest), now
    if options["start"]:
        try:
            start = parse_datetime(options["start"])
        except ValueError:
            start = None
        if start is None or not 2000 <= start.year <= 2200:
            raise CommandError("--from: write it like 2025-10-16T08:00:00Z.")
        start = start if start.tzinfo else start.replace(tzinfo=UTC)
        return start, min(start + lasts, now)
    return now - lasts, now


def _paced(events: Iterator[simulate.Event]) -> Iterator[list[simulate.Event]]:
    """What happened in the last seconds, again and again, by the wall clock."""
    part: list[simulate.Event] = []
    until = clock.now() + STEP
    for event in events:
        while event["occurred_at"] >= until:
            time.sleep(max(0.0, (until - clock.now()).total_seconds()))
            yield part
            part, until = [], until + STEP
        part.append(event)
    yield part
