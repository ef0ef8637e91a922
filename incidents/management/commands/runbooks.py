"""Runbooks from a terminal: which there are, whether they were tried and drilled, one to read."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from incidents.runbooks import books, validating


class Command(BaseCommand):
    help = (
        "List runbooks with how they stand, show one, load what a release brings, or check "
        "that all that a go-live asks for are published, validated and drilled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["list", "show", "check", "load"])
        parser.add_argument("name", nargs="?", default="", help="with show: slug or alias")
        parser.add_argument("--workspace", default="", help="its slug; needed where there are many")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"]
        if what == "load":
            self.stdout.write(f"{books.adopt()} of {len(books.shipped())} were new or changed.")
            return
        workspace = _workspace(options["workspace"])
        if what == "show":
            self._show(workspace, options["name"])
            return
        found = validating.standings(workspace.pk)
        if what == "check":
            found = [each for each in found if each.required and each.missing]
        if options["json"]:
            told = [
                {**asdict(each), "state": each.state, "missing": each.missing} for each in found
            ]
            self.stdout.write(json.dumps({"items": told}, default=str))
        else:
            self._list(found, check=what == "check")
        if what == "check" and found:
            raise SystemExit(1)

    def _show(self, workspace: Workspace, name: str) -> None:
        row = books.find(workspace.pk, name) if name else None
        if row is None or row.current is None:
            raise CommandError(f"There is no runbook {name}." if name else "Name the runbook.")
        self.stdout.write(row.current.text)

    def _list(self, found: list[validating.Standing], *, check: bool) -> None:
        if check and not found:
            self.stdout.write("Every required runbook is published, validated and drilled.")
        for each in found:
            said = "; ".join(each.missing) if check else each.state
            self.stdout.write(f"{each.slug:32} {said}")


def _workspace(slug: str) -> Workspace:
    rows = Workspace.objects.filter(archived_at=None)
    if slug:
        rows = rows.filter(slug=slug)
    found = list(rows.order_by("slug")[:20])
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"There is no workspace {slug}.".replace("  ", " "))
    names = ", ".join(each.slug for each in found)
    raise CommandError(f"Say which workspace: --workspace with one of {names}.")
