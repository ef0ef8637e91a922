from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from controlplane.jobs.models import JobRun, ScheduledJob
from controlplane.jobs.registry import JOBS, Job
from controlplane.lib import moments


class Command(BaseCommand):
    help = "List every job: its schedule, when it is due, how its last run went."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = {row.name: row for row in ScheduledJob.objects.all()}
        listed = [_line(job, rows.get(job.name)) for _, job in sorted(JOBS.items())]
        if options["json"]:
            self.stdout.write(json.dumps({"jobs": listed}, indent=2))
            return
        for line in listed:
            due, last = _said(line["next_run_at"]), _said(line["last_finished_at"])
            self.stdout.write(
                f"{line['name']:<34} {line['schedule']:<24} due {due or '-':<21}"
                f" last {line['last_state'] or '-'} {last}".rstrip()
            )
            self.stdout.write(f"    {line['doc']}")


def _said(moment: str | None) -> str:
    return moments.utc(datetime.fromisoformat(moment)) if moment else ""


def _line(job: Job, row: ScheduledJob | None) -> dict[str, Any]:
    last = JobRun.objects.filter(name=job.name).order_by("-id").first()
    return {
        "name": job.name,
        "doc": job.doc,
        "schedule": str(job.schedule),
        "enabled": row.enabled if row else True,
        "next_run_at": row.next_run_at.isoformat() if row else None,
        "last_ok_at": row.last_ok_at.isoformat() if row and row.last_ok_at else None,
        "last_state": last.state if last else None,
        "last_finished_at": last.finished_at.isoformat() if last and last.finished_at else None,
        "last_error": last.last_error if last else "",
    }
