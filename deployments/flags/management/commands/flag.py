"""Flags from a terminal: for the operator who has a shell and nothing else."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.lib import actors, context
from controlplane.lib.errors import ControlPlaneError
from deployments.flags import services
from deployments.flags.models import Flag, FlagState


class Command(BaseCommand):
    help = "List and show feature flags, kill and enable them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["list", "show", "kill", "enable"])
        parser.add_argument("name", nargs="?", default="", help="the flag's name")
        parser.add_argument("--workspace", default="", help="its slug; needed where there are many")
        parser.add_argument(
            "--override", action="store_true", help="enable in spite of a freeze; say why"
        )
        parser.add_argument("--reason", default="", help="why, for the record")

    def handle(self, *args: Any, **options: Any) -> None:
        what, name = options["what"], options["name"]
        workspace = _workspace(options["workspace"])
        if what == "list":
            self._list(workspace)
            return
        if not name:
            raise CommandError("Name the flag.")
        flag = Flag.objects.of(workspace).filter(flag_name=name).first()
        if flag is None:
            raise CommandError(f"There is no flag {name} in {workspace.slug}.")
        if what != "show":
            flag = _switch(flag, what, options["reason"], override=options["override"])
        self._show(flag)

    def _list(self, workspace: Workspace) -> None:
        for flag in Flag.objects.of(workspace).living():
            self.stdout.write(f"{flag.flag_name:40} {_standing(flag)}")

    def _show(self, flag: Flag) -> None:
        self.stdout.write(f"{flag.flag_name} ({flag.get_kind_display()}): {_standing(flag)}")
        if flag.description:
            self.stdout.write(flag.description)
        for state in _states(flag):
            on = "on" if flag.enabled and state.settings["on"] else "off"
            shares = [f"{rule['percent']} %" for rule in state.settings["rules"]]
            more = f", rules: {', '.join(shares)}" if shares else ""
            self.stdout.write(f"  {state.environment.slug:12} {on}{more}")


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


def _switch(flag: Flag, what: str, reason: str, *, override: bool) -> Flag:
    actor = actors.job(f"command:{getpass.getuser()}"[:70])
    with context.bind(**context.resumed(""), source="command"):
        try:
            if what == "kill":
                return services.kill(flag, actor=actor, reason=reason)
            return services.enable(flag, actor=actor, reason=reason, override=override)
        except ControlPlaneError as error:
            raise CommandError(error.message) from error


def _states(flag: Flag) -> list[FlagState]:
    rows = FlagState.objects.filter(flag=flag).select_related("environment")
    return list(rows.order_by("environment__order", "pk"))


def _standing(flag: Flag) -> str:
    if flag.is_archived:
        return "archived"
    if not flag.enabled:
        return "killed: off everywhere"
    on = [each.environment.slug for each in _states(flag) if each.settings["on"]]
    return f"on in {', '.join(on)}" if on else "off everywhere"
