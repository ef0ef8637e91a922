#!/usr/bin/env python3
"""The one command. Works with a bare Python 3.11+: prepares `.venv` by itself, then runs."""

import os
import sys


def main() -> None:
    if os.environ.get("CONTROLPLANE_NO_BOOTSTRAP") != "1":
        from controlplane import bootstrap

        bootstrap.ensure(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
