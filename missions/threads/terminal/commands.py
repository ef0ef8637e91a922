"""What the operators' commands share: who, which thread, and answers as text or as JSON."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.audit.services import record_denied
from controlplane.lib import context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions.threads.models import Thread
from missions.threads.terminal.identity import operator


class OperatorCommand(BaseCommand):
    """One that changes something says who does. Exit code 1: refused, 2: nothing of that name."""

    changes = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument(
            "--operator", default="", metavar="EMAIL",
            help="your account (default: the user of the operating system)",
        )  # fmt: skip
        if self.changes:
            parser.add_argument("--reason", required=True, help="why; it stands in the log")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with context.bind(source="command"):
                answer = self.perform(operator(options["operator"]), options)
        except ControlPlaneError as error:
            if isinstance(error, NotAllowed):
                record_denied(error)
            self._refuse(error, as_json=options["json"])
            return
        if options["json"]:
            self.stdout.write(json.dumps(answer, indent=1, ensure_ascii=False))
        else:
            for text in self.lines(answer):
                self.stdout.write(text)

    def _refuse(self, error: ControlPlaneError, *, as_json: bool) -> None:
        code = 2 if isinstance(error, NotFound) else 1
        if not as_json:
            raise CommandError(f"{error.error_code}: {error.message}", returncode=code)
        said = {"code": error.error_code, "message": error.message, "details": error.details}
        self.stdout.write(json.dumps({"error": said}, indent=1, default=str))
        raise SystemExit(code)

    def perform(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def lines(self, answer: dict[str, Any]) -> list[str]:
        return [f"{name}: {value}" for name, value in answer.items() if value not in (None, "")]


class ThreadCommand(OperatorCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--thread-id", required=True, metavar="ID", help="its id, or its ref such as THR-7"
        )
        parser.add_argument("--workspace", default="", metavar="SLUG", help="of a ref")
        super().add_arguments(parser)

    def perform(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        thread = find(options["thread_id"], options["workspace"], actor)
        return self.act(thread, actor, options)

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


def find(name: str, workspace: str, actor: Actor) -> Thread:
    """By its id, or by a ref, which each workspace counts for itself."""
    rows = Thread.objects.visible_to(actor).select_related("workspace", "owner", "escalation_owner")
    try:
        rows = rows.filter(uid=UUID(name))
    except ValueError:
        rows = rows.filter(ref__iexact=name)
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    found: list[Thread] = list(rows[:2])
    if not found:
        raise NotFound("There is no such thread.")
    if len(found) > 1:
        raise NotFound("Two workspaces have it: say --workspace.")
    return found[0]


def shown(thread: Thread) -> dict[str, Any]:
    return {
        "thread_id": str(thread.uid),
        "ref": thread.ref,
        "workspace": thread.workspace.slug,
        "title": thread.title,
        "type": thread.kind,
        "status": thread.status,
        "status_reason": thread.status_reason,
        "owner": thread.owner.email if thread.owner is not None else None,
        "escalation_owner": (
            thread.escalation_owner.email if thread.escalation_owner is not None else None
        ),
        "version": thread.version,
    }
