"""Who is asked when a thread is stuck."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from controlplane.access.models import User
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from missions.threads.models import Thread
from missions.threads.services import change_thread
from missions.threads.terminal.commands import ThreadCommand, shown


class OwnerCommand(ThreadCommand):
    replaces = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="a member's account")

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        owner = User.objects.filter(email__iexact=options["owner"].strip(), is_active=True).first()
        if owner is None:
            raise NotFound("--owner: no account of this address, or it was switched off.")
        self._check(thread)
        row = change_thread(
            thread,
            actor=actor,
            version=thread.version,
            reason=options["reason"],
            escalation_owner=owner,
        )
        return shown(row)

    def _check(self, thread: Thread) -> None:
        if thread.escalation_owner is None and self.replaces:
            raise Conflict("Nobody is asked so far: assign somebody.")
        if thread.escalation_owner is not None and not self.replaces:
            raise Conflict(
                "Somebody is asked already: reassign it.",
                details={"escalation_owner": thread.escalation_owner.email},
            )
