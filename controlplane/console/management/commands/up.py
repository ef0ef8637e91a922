"""`manage.py up`: the whole portal on this machine, behind one port, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlplane.console.logins import logins_file, read_logins
from controlplane.embedded.launch import AlreadyRunning, Launch
from controlplane.embedded.portal import Address
from controlplane.embedded.state import State, Trouble


def first_account(state: Path) -> list[str]:
    """The two commands a portal without a demo begins with, as they are typed."""
    usual = settings.BASE_DIR / ".state"
    where = "" if state == usual else f"CONTROLPLANE_STATE_DIR={shlex.quote(str(state))} "
    manage = f"    {where}python3 manage.py"
    return [
        f"{manage} create_workspace acme --name Acme",
        f'{manage} create_user --email you@example.org --name "Your Name" --workspace acme'
        " --role workspace_admin",
    ]


class Command(BaseCommand):
    help = (
        "Start PostgreSQL and Valkey (unless DATABASE_URL / REDIS_URL are given), web, stream, "
        "worker and beat behind one port. Ctrl-C stops all."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=_port, default=8000, help="public port (default: 8000)")
        parser.add_argument(
            "--bind", default="127.0.0.1", help="address to serve on; 0.0.0.0 is every one"
        )
        parser.add_argument("--tls", action="store_true", help="HTTPS with a local authority")
        parser.add_argument("--no-demo", action="store_true", help="no demo workspace")
        parser.add_argument(
            "--mfa",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="ask for a second factor (default: yes, but for a demo on loopback)",
        )
        # Taken by manage.py before settings load; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: .state)")

    def handle(self, *args: Any, **options: Any) -> None:
        self._began = float(os.environ.pop("CONTROLPLANE_STARTED_AT", 0) or time.time())
        launch = Launch(
            State.at(settings.STATE_DIR),
            Address(options["bind"], options["port"], options["tls"]),
            say=self._say,
            environ=os.environ,
            demo=not options["no_demo"],
            second_factor=options["mfa"],
        )
        try:
            with launch.running():
                self._welcome(launch)
                launch.watch()
        except AlreadyRunning as already:
            self._tell_running(already, launch.state)
        except Trouble as trouble:
            raise CommandError(str(trouble)) from None
        except KeyboardInterrupt:
            return

    def _say(self, text: str) -> None:
        self.stdout.write(f"{time.time() - self._began:6.1f} s  {text}")
        self.stdout.flush()

    def _welcome(self, launch: Launch) -> None:
        url = launch.address.url
        self._say(f"Ready: {url}/admin/")
        lines = ["", f"  Console    {url}/admin/", f"  Desk       {url}/desk/"]
        lines += [f"  API        {url}/api/docs/"]
        if launch.address.tls:
            root = launch.state.root / "proxy" / "pki/authorities/local/root.crt"
            lines.append(f"  Authority  {root}")
        logins = read_logins(logins_file()) if launch.demo else None
        if logins:
            lines += ["", f"  Password of every demo account: {logins['password']}"]
            lines += [f"    {a['email']:<28} {a['roles']}" for a in logins["accounts"]]
        elif not launch.demo:
            lines += ["", "  First workspace and account:", *first_account(launch.state.root)]
        if not launch.second_factor:
            lines += ["", "  Second factor: off here; `up --mfa` asks for it."]
        lines += ["", f"  Logs       {launch.state.logs}", "  Ctrl-C stops everything.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _tell_running(self, already: AlreadyRunning, state: State) -> None:
        supervisor = already.run.supervisor
        self.stdout.write(
            f"The portal of {state.root} is running already: {already.run.url or 'starting'}"
            + (f" (pid {supervisor.pid})" if supervisor else "")
            + "\nStop it with `python3 manage.py down`, or start another copy beside it with "
            "`python3 manage.py up --state OTHER_DIR --port OTHER_PORT`."
        )


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port
