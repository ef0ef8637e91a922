"""Audit what was reported: are the events there, whole, clean and as many as usual?"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError
from telemetry import audits
from telemetry.audits import reporting
from telemetry.models import AuditRun

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Command(BaseCommand):
    help = (
        "Audit the events of one workspace or all. Exit code 0: clean, 1: something was found,"
        " 2: could not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", choices=["check", "spot", "report"], default="check")
        parser.add_argument("--since", default="", help="a moment, or a span such as 36h or 7d")
        parser.add_argument("--workspace", default="", help="its slug; without it, all")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument("--output", default="", help="a file for the Markdown of a report")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            runs = self._runs(options)
            self._say(runs, options)
        except CommandError:
            raise
        except (ControlPlaneError, Error, OSError) as error:
            raise CommandError(f"Could not run: {error}", returncode=2) from error
        worst = max((run.exit_code for run in runs), default=0)
        if worst:
            raise SystemExit(worst)

    def _runs(self, options: dict[str, Any]) -> list[AuditRun]:
        rows = Workspace.objects.filter(archived_at=None).order_by("slug")
        if options["workspace"]:
            rows = rows.filter(slug=options["workspace"])
        found = list(rows)
        if not found:
            raise CommandError("No such workspace.", returncode=2)
        since = _moment(options["since"])
        actor = job("audit_telemetry")
        return [
            audits.audit(each, actor=actor, mode=options["mode"], since=since) for each in found
        ]

    def _say(self, runs: list[AuditRun], options: dict[str, Any]) -> None:
        if options["json"] or options["format"] == "json":
            self.stdout.write(json.dumps([reporting.as_data(run) for run in runs], indent=2))
        elif options["mode"] == "report":
            text = "\n".join(map(reporting.as_markdown, runs))
            if options["output"]:
                with open(options["output"], "w", encoding="utf-8") as file:
                    file.write(text)
            else:
                self.stdout.write(text)
        else:
            for run in runs:
                self._lines(run)

    def _lines(self, run: AuditRun) -> None:
        self.stdout.write(
            f"{run.workspace.slug}: {run.get_result_display().lower()}, {run.events:,} events,"
            f" {run.gaps} found"
        )
        for line in run.rules:
            said = reporting.WORDS[line["status"]]
            more = f": {line['text']}" if line["text"] else ""
            self.stdout.write(f"  {line['rule']:<4} {said}{more}")
            for gap in line["gaps"]:
                self.stdout.write(f"         {gap['text']}")


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    if text[:-1].isdecimal() and text[-1] in _UNITS:
        try:
            return clock.now() - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        except (OverflowError, ValueError):  # a number of 4,300 digits is none
            raise CommandError("--since is too long ago.", returncode=2) from None
    try:
        moment = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError("--since: a moment (2025-10-16T08:00Z) or a span (36h).", returncode=2)
    return moment if moment.tzinfo else timezone.make_aware(moment)
