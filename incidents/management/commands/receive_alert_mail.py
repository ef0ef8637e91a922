from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.lib import context
from incidents.intake import receiving
from incidents.mail_commands import UNKNOWN, UNREADABLE, answered
from incidents.models import AlertSource

MOST = 10 * 1024 * 1024


class Command(BaseCommand):
    help = "Take one mail from stdin as an alert of a source that is sent mails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", required=True, help="its name, or its uid")
        parser.add_argument("--workspace", default="", help="slug, where two have one of that name")

    def handle(self, *args: Any, **options: Any) -> None:
        with answered(), context.bind(source="command"):
            source = _source(options["source"], options["workspace"])
            body = sys.stdin.buffer.read(MOST + 1)
            if len(body) > MOST:
                raise CommandError(f"More than {MOST:,} bytes.", returncode=UNREADABLE)
            receipt = receiving.receive(source, "mail", body, content_type="message/rfc822")
        went = f", {', '.join(receipt.incidents)}" if receipt.incidents else ""
        self.stdout.write(
            f"{receipt.new} new, {receipt.repeated} said again, {receipt.resolved} over{went}"
        )


def _source(name: str, workspace: str) -> AlertSource:
    rows = AlertSource.objects.select_related("workspace", "service", "environment").filter(
        format=AlertSource.Format.EMAIL, is_active=True, workspace__archived_at=None
    )
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    found: list[AlertSource] = [row for row in rows if name in {row.name, str(row.uid)}]
    if not found:
        raise CommandError(f"No source in use for mails is called {name}.", returncode=UNKNOWN)
    if len(found) > 1:
        raise CommandError("Two workspaces have it: add --workspace.", returncode=UNKNOWN)
    source: AlertSource = found[0]
    return source
