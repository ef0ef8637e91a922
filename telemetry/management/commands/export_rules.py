"""`manage.py export_rules [--workspace SLUG] [--tests] [--to FOLDER]`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from telemetry.rules import prometheus, services

TESTS = "rules.prom.test.yml"


class Command(BaseCommand):
    help = (
        "Write the alert rules as a rule file of Prometheus, over what /metrics says of them:"
        " `promtool check rules` and, with --tests, `promtool test rules` accept it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="its slug; else every one, and the installation")
        parser.add_argument("--tests", action="store_true", help="write the unit tests instead")
        parser.add_argument("--to", help="a folder: both files are written there")

    def handle(self, *args: Any, **options: Any) -> None:
        services.adopt()
        slug = options["workspace"]
        workspaces = list(Workspace.objects.filter(archived_at=None).order_by("slug"))
        if slug:
            workspaces = [each for each in workspaces if each.slug == slug]
            if not workspaces:
                raise CommandError(f"There is no workspace {slug}.")
        whole = not slug
        rules = prometheus.rule_file(workspaces, installation=whole)
        tests = prometheus.test_file(workspaces, installation=whole)
        if options["to"]:
            folder = Path(options["to"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / prometheus.NAME).write_text(rules)
            (folder / TESTS).write_text(tests)
            self.stdout.write(f"Wrote {prometheus.NAME} and {TESTS}.")
        else:
            self.stdout.write(tests if options["tests"] else rules, ending="")
