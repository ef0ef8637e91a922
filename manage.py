#!/usr/bin/env python3
"""The one command. Works with a bare Python 3.11+: prepares `.venv` by itself, then runs."""

import os
import sys


def main() -> None:
    from controlplane import bootstrap

    bootstrap.ensure(sys.argv)
    bootstrap.load_environment(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "connect" not in str(error) or os.environ.get("CONTROLPLANE_TRACEBACK") == "1":
            raise
        sys.exit(
            f"The database can't be reached: {str(error).strip()}\n"
            "Start the portal with `python3 manage.py up`; `python3 manage.py doctor` says what "
            "is wrong."
        )


if __name__ == "__main__":
    main()
