"""For commands that measure or break in databases of their own: a server is needed, no portal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.db import OperationalError, connection

from controlplane.embedded import passing
from controlplane.embedded.state import State, Trouble


def or_end(stderr: OutputWrapper) -> None:
    """Returns where a database answers. Elsewhere the same command runs once more beside servers
    that last as long as it, and this process ends as that one did."""
    if _database_answers():
        return
    root, state = Path(settings.BASE_DIR), State.at(settings.STATE_DIR)
    stderr.write("No database answers: one is started for as long as this takes.")
    try:
        sys.exit(passing.again(sys.argv, root, state, stderr.write))
    except Trouble as trouble:
        raise CommandError(str(trouble)) from None


def _database_answers() -> bool:
    if not os.environ.get("DATABASE_URL"):
        return False
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True
