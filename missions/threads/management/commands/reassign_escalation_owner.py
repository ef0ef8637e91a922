from __future__ import annotations

from missions.threads.terminal.owners import OwnerCommand


class Command(OwnerCommand):
    help = "Say that somebody else is asked when a thread is stuck."
    replaces = True
