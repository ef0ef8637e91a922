from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.lib import context
from incidents.mail_commands import UNKNOWN, answered
from incidents.support import receiving


class Command(BaseCommand):
    help = "Take one mail from stdin as a ticket of support, or as an answer to one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", default="", help="slug, where there are several")

    def handle(self, *args: Any, **options: Any) -> None:
        with answered(), context.bind(source="command"):
            workspace = _workspace(options["workspace"])
            body = sys.stdin.buffer.read(receiving.MOST_BYTES.value + 1)
            found = receiving.receive(workspace, body)
        ref = f" {found.ticket.ref}" if found.ticket is not None else ""
        self.stdout.write(f"{found.outcome}{ref}{': ' + found.why if found.why else ''}")


def _workspace(slug: str) -> Workspace:
    rows = Workspace.objects.filter(archived_at=None)
    found = list(rows.filter(slug=slug) if slug else rows[:2])
    if not found:
        raise CommandError(f"There is no workspace {slug}.", returncode=UNKNOWN)
    if len(found) > 1:
        raise CommandError("There are several: add --workspace.", returncode=UNKNOWN)
    return found[0]
