"""The tree of files that the playbooks name, from live data."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import actors, clock
from controlplane.lib.errors import ControlPlaneError
from controlplane.privacy.readiness import tree, writing


class Command(BaseCommand):
    help = (
        "Write docs/readiness/…, artifacts/… and the launch's sign-off into DIR from live data of"
        " one workspace: all files or none, nobody's own overwritten."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path, help="the folder, made where it is not there")
        parser.add_argument("--workspace", default="", help="its slug; needed where there are two")
        parser.add_argument(
            "--overwrite", action="store_true",
            help="also files that this command did not write, or that were changed since",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = _workspace(options["workspace"])
        actor = actors.job("export_readiness")
        try:
            files = tree.files(workspace, actor, clock.now())
            done = writing.write(options["dir"], files, overwrite=options["overwrite"])
        except ControlPlaneError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{options['dir']}: {error.strerror or error}") from error
        record(actor, "compliance.export", workspace, after={"files": len(files)})
        if options["json"]:
            told = {"written": done.written, "same": done.same, "removed": done.removed}
            self.stdout.write(json.dumps({"workspace": workspace.slug, **told}))
            return
        for name in done.written:
            self.stdout.write(name)
        self.stdout.write(
            f"{len(done.written)} files written, {len(done.same)} as they were,"
            f" {len(done.removed)} gone."
        )


def _workspace(slug: str) -> Workspace:
    rows = Workspace.objects.open()
    known = list(rows.filter(slug=slug) if slug else rows[:2])
    if not known:
        raise CommandError(f"There is no workspace {slug}." if slug else "There is no workspace.")
    if len(known) > 1:
        raise CommandError("There are several workspaces: name one with --workspace.")
    return known[0]
