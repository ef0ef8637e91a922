"""Graphs in and out, from a shell on the portal's own machine."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.lib import actors, strictjson
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import Project
from controlplane.work.services import transfer
from controlplane.work.services.transfer.importing import WAYS

ACTOR = actors.job("manage.work")


class Command(BaseCommand):
    help = "Export and import work items: Beads' JSON lines, or tasks.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["export", "import", "export-tasks", "import-tasks"])
        parser.add_argument("file", help="a path, or - for standard input and output")
        parser.add_argument("--workspace", required=True, help="slug")
        parser.add_argument("--project", default="", help="name; else the operations project")
        parser.add_argument("--label", default="", help="of export-tasks: items with this label")
        parser.add_argument("--on-newer", choices=WAYS, default="keep")
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        project = _project(options["workspace"], options["project"])
        verb = options["verb"].replace("-", "_")
        try:
            getattr(self, f"_{verb}")(project, options)
        except ControlPlaneError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None

    def _export(self, project: Project, options: dict[str, Any]) -> None:
        parts = transfer.export_lines(project, actor=ACTOR)
        if options["file"] == "-":
            for part in parts:
                self.stdout.write(part.decode(), ending="")
            return
        # Whole or not at all: a reader never sees half a file.
        target = Path(options["file"])
        begun = target.with_name(f"{target.name}.part")
        with begun.open("wb") as file:
            for part in parts:
                file.write(part)
        begun.replace(target)

    def _import(self, project: Project, options: dict[str, Any]) -> None:
        done = transfer.import_lines(
            project,
            _read(options["file"]),
            actor=ACTOR,
            on_newer=options["on_newer"],
            dry_run=options["dry_run"],
        )
        self.stdout.write(json.dumps({**asdict(done), "ids": len(done.ids)}))

    def _export_tasks(self, project: Project, options: dict[str, Any]) -> None:
        tasks = transfer.export_tasks(project, actor=ACTOR, label=options["label"])
        text = json.dumps(tasks, indent=2, ensure_ascii=False) + "\n"
        if options["file"] == "-":
            self.stdout.write(text, ending="")
        else:
            Path(options["file"]).write_text(text)

    def _import_tasks(self, project: Project, options: dict[str, Any]) -> None:
        found = strictjson.loads(_read(options["file"]))
        self.stdout.write(json.dumps(transfer.import_tasks(project, found, actor=ACTOR)._asdict()))


def _read(path: str) -> bytes:
    return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()


def _project(slug: str, name: str) -> Project:
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise CommandError(f"There is no workspace {slug}.")
    rows = Project.objects.filter(workspace=workspace).shared()
    named = rows.filter(name__iexact=name) if name else rows.filter(is_operations=True)
    project: Project | None = named.first()
    if project is None:
        raise CommandError(f"There is no project {name} in {slug}.")
    return project
