"""`manage.py connect_bd`: let `bd` of this user find the portal that runs from this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.access.models import Workspace
from controlplane.embedded import discovery
from controlplane.embedded.portal import Address
from controlplane.embedded.state import Run, State, write_private
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.local_key import local_key

MADE_FOR_ITSELF = "python3 manage.py connect_bd"


class Command(BaseCommand):
    help = (
        "Give bd of this user a key for the running portal. `up` does it by itself; run it to "
        "choose another workspace, or after making the first one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="where bd works")

    def handle(self, *args: Any, **options: Any) -> None:
        state = State.at(settings.STATE_DIR)
        run = Run.read(state)
        if not run.running:
            raise CommandError("The portal isn't running: python3 manage.py up")
        known = _known(state)
        workspace, why = chosen(options["workspace"] or "", known.get("workspace", ""))
        key = ""
        if workspace is not None:
            same = known.get("workspace") == workspace.slug
            try:
                key = local_key(workspace, known.get("key", "") if same else "")
            except ControlPlaneError as error:
                why = error.message
            else:
                said = {"workspace": workspace.slug, "key": key}
                write_private(_note(state), json.dumps(said) + "\n")
        discovery.publish(state, run, key=key, why=why, authority=_authority(state, run))
        self.stdout.write(why or f"bd works in {workspace} at {run.url}.")


def chosen(named: str, before: str) -> tuple[Workspace | None, str]:
    """The workspace that is named, was chosen before, is the demo's, or is the only one; or why
    there is none."""
    if settings.PRODUCTION:
        # There everybody acts under an account of their own.
        return None, "a production portal gives no key by itself: set CONTROLPLANE_API_KEY"
    living = Workspace.objects.filter(archived_at=None)
    if named:
        found = living.filter(slug=named).first()
        if found is None:
            raise CommandError(f"There is no workspace {named}.")
        return found, ""
    for choice in (living.filter(slug=before), living.filter(is_demo=True), living):
        rows = list(choice[:2])
        if len(rows) == 1:
            return rows[0], ""
    if not living.exists():
        return None, (
            "this portal has no workspace yet: make one with `python3 manage.py create_workspace "
            f"SLUG`, then run `{MADE_FOR_ITSELF}`"
        )
    return None, f"this portal has several workspaces: `{MADE_FOR_ITSELF} --workspace SLUG`"


def _note(state: State) -> Path:
    """Kept over restarts, so that not every start makes a new key."""
    return state.root / "bd.json"


def _known(state: State) -> dict[str, str]:
    try:
        said: Any = json.loads(_note(state).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in said.items()} if isinstance(said, dict) else {}


def _authority(state: State, run: Run) -> str:
    if not Address.of_url(run.url).tls:
        return ""
    return str(state.root / "proxy" / "pki/authorities/local/root.crt")
