"""`manage.py test`: the checks, then the quick tests; `--all` takes the slow ones too. After `--`
come pytest's own arguments and pytest alone."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlplane.embedded import passing
from controlplane.embedded.state import State, Trouble

ROOT = Path(settings.BASE_DIR)
CORES = len(os.sched_getaffinity(0))
# The broker's server has databases for 15; each worker makes its own database on PostgreSQL too.
WORKERS = min(CORES, 8)
PYTHON = sys.executable
MANAGE = (PYTHON, str(ROOT / "manage.py"))


@dataclass(frozen=True)
class Check:
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None


class Command(BaseCommand):
    help = "Lint, types, import rules, templates, migrations, schema, production checks, tests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pytest", nargs="*", help="after `--`: pytest alone, with these")
        parser.add_argument("--all", action="store_true", help="the slow tests too")
        # Taken by manage.py before settings load; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: .state)")

    def handle(self, *args: Any, **options: Any) -> None:
        self._began = time.monotonic()
        alone = "--" in sys.argv or bool(options["pytest"])
        try:
            with self._environment() as env:
                failed = [] if alone else self._static_checks(env)
                code = self._pytest(options["pytest"] or ordinary(every=options["all"]), env)
        except Trouble as trouble:
            raise CommandError(str(trouble)) from None
        if code:
            failed.append("pytest")
        if failed:
            self.stdout.flush()
            sys.exit(f"Failed: {', '.join(failed)}")

    # --- Servers ------------------------------------------------------------------------------

    @contextmanager
    def _environment(self) -> Iterator[dict[str, str]]:
        env = {
            **os.environ,
            "CONTROLPLANE_NO_BOOTSTRAP": "1",
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        env.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
        # Tests start dozens of programs. Where byte code may not be kept beside the sources, each
        # would compile all of Django again: two seconds of three.
        if env.pop("PYTHONDONTWRITEBYTECODE", ""):
            env.setdefault("PYTHONPYCACHEPREFIX", str(Path(settings.STATE_DIR) / "bytecode"))
        if env.get("DATABASE_URL") and env.get("REDIS_URL"):
            yield env
            return
        with passing.servers_for(State.at(settings.STATE_DIR), env, self._say) as added:
            yield env | added

    # --- Checks -------------------------------------------------------------------------------

    def _static_checks(self, env: Mapping[str, str]) -> list[str]:
        """As many at a time as there are cores. Each speaks when it is done."""
        rows: dict[str, tuple[float, bool]] = {}
        wanted = checks(env)
        with ThreadPoolExecutor(CORES) as pool:
            for future in as_completed([pool.submit(_run, check, env) for check in wanted]):
                name, seconds, passed, output = future.result()
                rows[name] = seconds, passed
                self._say(f"{name}: {'ok' if passed else 'FAILED'}")
                if not passed:
                    self.stdout.write(output[-8000:])
        self.stdout.write("")
        for check in wanted:
            seconds, passed = rows[check.name]
            verdict = "ok" if passed else "FAILED"
            self.stdout.write(f"  {check.name:<28} {seconds:6.1f} s  {verdict}")
        self.stdout.write("")
        self.stdout.flush()
        return [check.name for check in wanted if not rows[check.name][1]]

    def _pytest(self, arguments: list[str], env: Mapping[str, str]) -> int:
        self._say(shlex.join(["pytest", *arguments]))
        argv = [PYTHON, "-m", "pytest", *arguments]
        return subprocess.run(argv, cwd=ROOT, env=dict(env), check=False).returncode  # noqa: S603

    def _say(self, text: str) -> None:
        self.stdout.write(f"{time.monotonic() - self._began:6.1f} s  {text}")
        self.stdout.flush()


def ordinary(*, every: bool) -> list[str]:
    """On every core; without the slow ones unless all are asked for."""
    return [*([] if every else ["-m", "not slow"]), *parallel(WORKERS)]


def parallel(workers: int) -> list[str]:
    """Groups stay together and begin in the order that `tests/kit/workers.py` gives them."""
    if workers < 2:
        return []
    return ["-n", str(workers), "--dist", "loadgroup", "--no-loadscope-reorder"]


def _run(check: Check, env: Mapping[str, str]) -> tuple[str, float, bool, str]:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603
        check.argv,
        cwd=ROOT,
        env={**env, **(check.env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return check.name, time.monotonic() - began, done.returncode == 0, done.stdout


def checks(env: Mapping[str, str]) -> list[Check]:
    """The longest first."""
    ruff = (PYTHON, "-m", "ruff")
    return [
        Check("types (mypy)", (PYTHON, "-m", "mypy", ".")),
        Check("ruff check", (*ruff, "check", ".")),
        Check("ruff format", (*ruff, "format", "--check", ".")),
        # Leaves every test file's byte code, which each worker would make for itself otherwise.
        Check("tests are found", (PYTHON, "-m", "pytest", "--collect-only", "-qq")),
        Check("import rules", (script("lint-imports"), "--no-cache")),
        Check(
            "templates (djade)",
            (script("djade"), "--check", "--target-version", "5.2", *templates()),
        ),
        Check("migrations", (*MANAGE, "makemigrations", "--check", "--dry-run")),
        Check(
            "production check",
            (*MANAGE, "check", "--deploy", "--fail-level", "WARNING"),
            production(env),
        ),
        Check(
            "API schema",
            (*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
        ),
    ]


def script(name: str) -> str:
    """A tool that only comes as a script beside the interpreter."""
    return str(Path(PYTHON).with_name(name))


def templates() -> list[str]:
    folders = ("templates", "controlplane", "missions", "incidents", "deployments", "telemetry")
    return sorted(
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.html")
        if "templates" in path.parts
    )


def production(env: Mapping[str, str]) -> dict[str, str]:
    """Settings a careful installation would have: the check must find nothing in them."""
    return {
        "CONTROLPLANE_ENV": "production",
        "CONTROLPLANE_PUBLIC_URL": "https://portal.example.org",
        "ALLOWED_HOSTS": "portal.example.org",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "CONTROLPLANE_SIGNING_KEY": secrets.token_urlsafe(48),
        "CONTROLPLANE_AUDIT_SEAL_KEY": secrets.token_urlsafe(48),
        "CONTROLPLANE_PSEUDONYM_KEY": secrets.token_urlsafe(48),
        "CONTROLPLANE_METRICS_TOKEN": secrets.token_urlsafe(32),
        "EMAIL_URL": "smtp+tls://portal:secret@mail.example.org:587",
        "DATABASE_OWNER_URL": env.get("DATABASE_OWNER_URL") or env["DATABASE_URL"],
        "DEBUG": "0",
    }
