from __future__ import annotations

import json
import os
import secrets
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from controlplane.access import policy, services
from controlplane.access.models import Grant, User, Workspace
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError

ACTOR = job("create_user")


class Command(BaseCommand):
    help = (
        "Create a person, or give one who exists more roles. Without a password option one is "
        "generated and printed, once; a password given is never printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="", help="needed for a new account")
        parser.add_argument("--workspace", metavar="SLUG")
        parser.add_argument(
            "--role", action="append", default=[], choices=sorted(policy.PEOPLE), metavar="ROLE"
        )
        parser.add_argument("--superuser", action="store_true", help="may break the glass")
        given = parser.add_mutually_exclusive_group()
        given.add_argument("--password-stdin", action="store_true", help="first line of stdin")
        given.add_argument("--password-env", metavar="VAR", help="name of a variable holding it")
        given.add_argument(
            "--no-password", action="store_true", help="set later, by the link of a reset mail"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user, made, generated = _create(options)
        except ControlPlaneError as error:
            raise CommandError(_in_full(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(_described(user, made, generated)))
            return
        self.stdout.write(f"{user.email}: {'created' if made else 'roles granted'}.")
        if generated:
            self.stdout.write(f"Password, shown this once: {generated}")


@transaction.atomic
def _create(options: dict[str, Any]) -> tuple[User, bool, str]:
    workspace = _workspace(options["workspace"])
    if options["role"] and workspace is None:
        raise CommandError("A role is held in a workspace: add --workspace.")
    user = User.objects.by_email(options["email"]).first()
    if user is not None:
        _add_roles(user, workspace, options)
        return user, False, ""
    if not options["name"]:
        raise CommandError("A new account needs --name.")
    password, generated = _password(options)
    user = services.create_user(
        options["email"],
        actor=ACTOR,
        name=options["name"],
        workspace=workspace,
        roles=options["role"],
        password=password,
        superuser=options["superuser"],
    )
    return user, True, generated


def _workspace(slug: str | None) -> Workspace | None:
    if slug is None:
        return None
    workspace = Workspace.objects.open().filter(slug=slug).first()
    if workspace is None:
        raise CommandError(
            f"There is no workspace {slug}: `manage.py create_workspace {slug}` makes it."
        )
    return workspace


def _add_roles(user: User, workspace: Workspace | None, options: dict[str, Any]) -> None:
    """So that a script may run twice. What the account itself is, is not changed on the way."""
    if options["superuser"] or options["password_stdin"] or options["password_env"]:
        raise CommandError(f"There is an account {user.email} already: only roles can be added.")
    if workspace is None:
        raise CommandError(f"There is an account {user.email} already.")
    membership = services.add_member(workspace, user, actor=ACTOR)
    held = set(Grant.objects.held().filter(membership=membership).values_list("role", flat=True))
    for role in options["role"]:
        if role not in held:
            services.grant_role(membership, role, actor=ACTOR)


def _password(options: dict[str, Any]) -> tuple[str | None, str]:
    """(what to set, what to show)."""
    if options["no_password"]:
        return None, ""
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\r\n"), ""
    if options["password_env"]:
        value = os.environ.get(options["password_env"])
        if value is None:
            raise CommandError(f"{options['password_env']} is not set.")
        return value, ""
    generated = secrets.token_urlsafe(18)
    return generated, generated


def _described(user: User, made: bool, generated: str) -> dict[str, Any]:
    described: dict[str, Any] = {"id": str(user.uid), "email": user.email, "created": made}
    if generated:
        described["password"] = generated
    return described


def _in_full(error: ControlPlaneError) -> str:
    texts = [str(text) for value in error.details.values() for text in _listed(value)]
    return " ".join(texts) or error.message


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
