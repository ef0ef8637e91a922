"""`manage.py canary_simulate`: what the judge does with made-up traffic, before it does it with
yours. Reads and writes nothing."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.lib.errors import Invalid
from deployments.canary.judge import Verdict
from deployments.canary.limits import JUDGES, Limits
from deployments.canary.simulate import Outcome, Traffic, table

RATES = (0.005, 0.01, 0.015, 0.03, 0.05, 0.1)
VOLUMES = (20, 50, 200, 2_000)
MOST_RUNS = 5_000


class Command(BaseCommand):
    help = "Simulate canary rollouts: how often, why and how soon the judge rolls back."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--judge", choices=list(JUDGES), default="guarded")
        parser.add_argument("--runs", type=int, default=200, help="of each kind of rollout")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--rates", type=_share, nargs="+", default=RATES, metavar="SHARE")
        parser.add_argument("--traffic", type=int, nargs="+", default=VOLUMES, metavar="PER_MINUTE")
        parser.add_argument("--limits", type=json.loads, default={}, metavar="JSON")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["runs"] <= MOST_RUNS:
            raise CommandError(f"--runs is from 1 to {MOST_RUNS}.")
        if not all(0 <= volume <= 100_000 for volume in options["traffic"]):
            raise CommandError("--traffic is from 0 to 100000 requests a minute.")
        try:
            limits = Limits.read({"judge": options["judge"], **options["limits"]})
        except Invalid as error:
            raise CommandError(f"{error} {error.details}") from None
        rows = table(
            options["rates"],
            options["traffic"],
            runs=options["runs"],
            seed=options["seed"],
            limits=limits,
        )
        if options["json"]:
            self.stdout.write(json.dumps([_row(*row) for row in rows], indent=2))
            return
        self.stdout.write(
            f"Judge {limits.judge}: {JUDGES[limits.judge]}. 10, 50 and 100 % for 30, 30 and"
            f" 60 minutes; {options['runs']} rollouts each, seed {options['seed']}.\n"
        )
        self.stdout.write("| requests/min | failing | completed | rolled back | asked | minutes |")
        self.stdout.write("|---:|---:|---:|---:|---:|---:|")
        for row in rows:
            self.stdout.write(_line(_row(*row)))


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share is from 0 to 1")
    return share


def _row(traffic: Traffic, found: Outcome) -> dict[str, Any]:
    return {
        "per_minute": traffic.per_minute,
        "error_rate": traffic.error_rate,
        "completed": found.share(Verdict.ADVANCE),
        "rolled_back": found.share(Verdict.ROLLBACK),
        "asked": found.share(Verdict.ASK),
        "median_minutes": found.median_minutes,
        "rules": dict(found.rules),
    }


def _line(row: dict[str, Any]) -> str:
    shares = " | ".join(f"{row[name]:.1%}" for name in ("completed", "rolled_back", "asked"))
    minutes = "-" if row["median_minutes"] is None else f"{row['median_minutes']:g}"
    return f"| {row['per_minute']:,} | {row['error_rate']:.1%} | {shares} | {minutes} |"
