"""`manage.py seed_demo`: the demo workspace, once, through the services people use."""

from __future__ import annotations

import argparse
import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from controlplane.access.models import Workspace
from controlplane.access.services import create_user, create_workspace
from controlplane.base import demo
from controlplane.console.logins import logins_file, read_logins, write_logins
from controlplane.lib.actors import Actor, job

# (role, further roles, first name, family name): one person for each seat the playbooks name.
PEOPLE: list[tuple[str, tuple[str, ...], str, str]] = [
    ("workspace_admin", ("cto",), "Ada", "Marsh"),
    ("mission_owner", ("product_manager",), "Milo", "Ortega"),
    ("governance_validator", ("compliance",), "Greta", "Voss"),
    ("operations_command", ("primary_operator",), "Oscar", "Chen"),
    ("telemetry_analyst", (), "Thea", "Anand"),
    ("knowledge_curator", ("docs_lead",), "Kofi", "Clarke"),
    ("secondary_operator", ("sre_liaison", "release_manager"), "Sanna", "Ohlsson"),
    ("release_manager", (), "Rafael", "Mora"),
    ("engineering_lead", ("database_lead",), "Elif", "Lang"),
    ("security_lead", ("privacy_officer",), "Sami", "Lund"),
    ("viewer", (), "Vera", "Wood"),
    ("product_partner", (), "Pia", "Noor"),  # of another house: the review desk only
]


class Command(BaseCommand):
    help = "Create the demo workspace. A second run changes nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the logins as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo workspace is not for production.")
        logins = logins_file()
        if not Workspace.objects.filter(slug=demo.SLUG).exists():
            password = secrets.token_urlsafe(12)
            self._seed(password, logins)
        self._tell(read_logins(logins), as_json=options["json"])

    @transaction.atomic
    def _seed(self, password: str, logins: Path) -> None:
        """All or nothing: a killed seeding leaves no half of a workspace, and no workspace
        whose password nobody knows, for the file is written before the commit."""
        actor = job("seed_demo")
        scene = demo.Scene(
            create_workspace(
                demo.SLUG,
                actor=actor,
                name="Northwind demo",
                time_zone="Europe/Berlin",
                is_demo=True,
            )
        )
        accounts = [_person(scene, actor, password, *seat) for seat in PEOPLE]
        autodiscover_modules("demo")
        for step in demo.in_order():
            step.run(scene)
        write_logins(logins, password, accounts)

    def _tell(self, logins: dict[str, Any] | None, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(logins or {}))
        elif logins is None:
            self.stdout.write(
                f"The workspace {demo.SLUG!r} exists already. Its logins were written to another "
                "state folder; `manage.py create_user` makes new ones."
            )
        else:
            self.stdout.write(
                f"Workspace {demo.SLUG!r}. Password of everybody: {logins['password']}"
            )
            for account in logins["accounts"]:
                self.stdout.write(f"  {account['email']:<28} {account['roles']}")


def _person(
    scene: demo.Scene,
    actor: Actor,
    password: str,
    role: str,
    further: tuple[str, ...],
    first: str,
    family: str,
) -> dict[str, str]:
    roles = (role, *further)
    user = create_user(
        f"{first.lower()}@demo.example",
        actor=actor,
        name=f"{first} {family}",
        workspace=scene.workspace,
        roles=roles,
        password=password,
        superuser=role == "workspace_admin",
        time_zone="Europe/Berlin",
    )
    for held in roles:
        scene.people[held] = user
    return {"email": user.email, "roles": ", ".join(roles)}
