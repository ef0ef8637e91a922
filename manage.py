#!/usr/bin/env python3
"""The one command. Works with a bare Python 3.11+: prepares `.venv` by itself, then runs."""

import os
import sys
from importlib import import_module

# They start and stop processes and look at no row. Loading every app first takes longer than the
# rest of what they do themselves.
WITHOUT_APPS = ("up", "down")
# Mail servers start them, and take any code but this one for a mail that nobody will ever take.
OF_MAILS = ("receive_alert_mail", "receive_support_mail")
TRY_LATER = 75


def main() -> None:
    from controlplane import bootstrap

    bootstrap.ensure(sys.argv)
    bootstrap.load_environment(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    if len(sys.argv) > 1 and sys.argv[1] in WITHOUT_APPS:
        module = import_module(f"controlplane.console.management.commands.{sys.argv[1]}")
        module.Command().run_from_argv(sys.argv)
        return
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "connect" not in str(error) or os.environ.get("CONTROLPLANE_TRACEBACK") == "1":
            raise
        print(
            f"The database can't be reached: {str(error).strip()}\n"
            "Start the portal with `python3 manage.py up`; `python3 manage.py doctor` says what "
            "is wrong.",
            file=sys.stderr,
        )
        sys.exit(TRY_LATER if sys.argv[1:2] and sys.argv[1] in OF_MAILS else 1)


if __name__ == "__main__":
    main()
