"""Write the audit log to standard output or a file, as JSON lines or CSV."""

from __future__ import annotations

import getpass
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.audit import export
from controlplane.audit.models import AuditEvent
from controlplane.audit.services import record
from controlplane.audit.times import moment
from controlplane.lib import actors
from controlplane.lib.errors import Invalid


class Command(BaseCommand):
    help = "Export the audit log, oldest first. The export itself is written to the log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=list(export.FORMATS), default="jsonl")
        parser.add_argument("--since", help="from this time or day on (UTC)")
        parser.add_argument("--until", help="before this time or day (UTC)")
        parser.add_argument("--workspace", help="only this workspace")
        parser.add_argument("--to", type=Path, help="a file, made readable by you alone")

    def handle(self, *args: Any, **options: Any) -> None:
        slugs = dict(Workspace.objects.values_list("id", "slug"))
        events = AuditEvent.objects.all()
        workspace_id = None
        if options["workspace"]:
            workspace_id = {slug: pk for pk, slug in slugs.items()}.get(options["workspace"])
            if workspace_id is None:
                raise CommandError(f"no workspace {options['workspace']}")
            events = events.filter(workspace_id=workspace_id)
        try:
            since, until = moment(options["since"]), moment(options["until"])
        except Invalid as error:
            raise CommandError(error.message) from error
        record(
            actors.job("export_audit"),
            "audit.export",
            "audit.log:all",
            workspace_id=workspace_id,
            details={
                "format": options["format"],
                "since": since,
                "until": until,
                "os_user": getpass.getuser(),
            },
        )
        events = export.between(events, since=since, until=until)
        lines = export.lines(events, options["format"], slugs)
        if options["to"] is None:
            for line in lines:
                self.stdout.write(line, ending="")
            return
        descriptor = os.open(options["to"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
