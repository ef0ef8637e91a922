from __future__ import annotations

from missions.threads.terminal.owners import OwnerCommand


class Command(OwnerCommand):
    help = "Say who is asked when a thread is stuck; it has nobody so far."
    replaces = False
