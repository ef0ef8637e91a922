"""Check missions: what is missing of gates, sign-offs, evidence, undo plans, hooks, staffing?"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from controlplane.access.models import Workspace
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError
from missions import governance
from missions.governance import reporting
from missions.models import GovernanceRun, Mission


class Command(BaseCommand):
    help = (
        "Check the missions of one workspace or all. Exit code 0: clean, 1: something was found,"
        " 2: could not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--mission", default="", help="its ref, such as MSN-7")
        which.add_argument("--active", action="store_true", help="under way (the usual)")
        which.add_argument("--executing", action="store_true", help="in Execute & Observe")
        which.add_argument("--all", action="store_true", help="those that ended, too")
        parser.add_argument("--workspace", default="", help="its slug; without it, all")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            runs = self._runs(options)
        except CommandError:
            raise
        except (ControlPlaneError, Error) as error:
            raise CommandError(f"Could not run: {error}", returncode=2) from error
        if options["json"] or options["format"] == "json":
            self.stdout.write(json.dumps([reporting.as_data(run) for run in runs], indent=2))
        else:
            for run in runs:
                for line in reporting.as_lines(run):
                    self.stdout.write(line)
        worst = max((run.exit_code for run in runs), default=0)
        if worst:
            raise SystemExit(worst)

    def _runs(self, options: dict[str, Any]) -> list[GovernanceRun]:
        actor = job("governance_check")
        workspaces = self._workspaces(options["workspace"])
        if options["mission"]:
            mission = _mission(workspaces, options["mission"])
            given: dict[str, Any] = {"scope": "mission", "mission": mission}
            return [governance.check(mission.workspace, actor=actor, **given)]
        scope = "all" if options["all"] else "executing" if options["executing"] else "active"
        return [governance.check(each, actor=actor, scope=scope) for each in workspaces]

    def _workspaces(self, slug: str) -> list[Workspace]:
        rows = Workspace.objects.filter(archived_at=None).order_by("slug")
        found = list(rows.filter(slug=slug) if slug else rows)
        if not found:
            raise CommandError("No such workspace.", returncode=2)
        return found


def _mission(workspaces: list[Workspace], name: str) -> Mission:
    """Refs count by workspace: a ref that two have needs the workspace said."""
    rows = Mission.objects.filter(workspace__in=workspaces).select_related("workspace", "owner")
    found: list[Mission] = list(rows.filter(ref=name)[:2])
    if len(found) != 1:
        words = "No such mission." if not found else "Two workspaces have it: say --workspace."
        raise CommandError(words, returncode=2)
    return found[0]
