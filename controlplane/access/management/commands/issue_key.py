from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Agent, Workspace
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import IssuedKey, issue_key
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError


class Command(BaseCommand):
    help = (
        "Print a new API key, once. Makes the agent (with --role) or the service account "
        "(with --scopes) of this name when the workspace has none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True, help="the agent's or service account's name")
        rights = parser.add_mutually_exclusive_group(required=True)
        rights.add_argument("--role", choices=sorted(policy.AGENTS), metavar="ROLE")
        rights.add_argument("--scopes", help="comma-separated: audit.view,catalog.*")
        parser.add_argument("--days", type=int, default=None, help="life of the key")
        parser.add_argument("--json", action="store_true", help="one JSON object; field `key`")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            agent, issued = _issue(options)
        except ControlPlaneError as error:
            raise CommandError(error.message) from None
        if options["json"]:
            self.stdout.write(json.dumps(_described(agent, issued)))
            return
        self.stderr.write(
            f"{issued.key.name} in {issued.key.workspace.slug}, until "
            f"{issued.key.expires_at:%Y-%m-%d}. This is the only time the key is shown:"
        )
        self.stdout.write(issued.secret)


@transaction.atomic
def _issue(options: dict[str, Any]) -> tuple[Agent, IssuedKey]:
    workspace = Workspace.objects.filter(slug=options["workspace"]).first()
    if workspace is None:
        raise CommandError(f"There is no workspace {options['workspace']}.")
    actor = job("issue_key")
    role = options["role"] or ""
    scopes = [scope.strip() for scope in (options["scopes"] or "").split(",") if scope.strip()]
    agent = Agent.objects.filter(workspace=workspace, name__iexact=options["name"].strip()).first()
    if agent is None:
        kind = Agent.Kind.AGENT if role else Agent.Kind.SERVICE
        agent = create_agent(workspace, actor=actor, name=options["name"], kind=kind, role=role)
    elif agent.role != role:
        # Silently keeping or changing the role would both surprise whoever holds the other key.
        has = f"the role {agent.role}" if agent.role else "no role, only scopes"
        raise CommandError(f"{agent.name} exists and has {has}.")
    days = options["days"]
    return agent, issue_key(agent, actor=actor, name=agent.name, scopes=scopes, days=days)


def _described(agent: Agent, issued: IssuedKey) -> dict[str, Any]:
    key = issued.key
    return {
        "key": str(issued.secret),
        "prefix": key.prefix,
        "agent_id": str(agent.uid),
        "workspace_id": str(key.workspace.uid),
        "role": agent.role,
        "scopes": key.scopes,
        "expires_at": key.expires_at.isoformat(),
    }
