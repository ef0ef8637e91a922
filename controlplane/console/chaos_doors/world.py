"""Who writes at the doors of a trial. Made inside of its portal, as a program of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.access.principals import actor_for_user
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.access.web.sign_in import complete
from controlplane.approvals import services as approvals
from controlplane.lib import actors, clock, context
from controlplane.lib.actors import Actor
from incidents.benches.killed import world as alerts
from missions.threads import services as threads

JOB = actors.job("chaos")
POLICY = "chaos"
SLOT = "agreed"
ASKS = ("workspace_admin", "mission_owner", "primary_operator")
SIGNS = "release_manager"
PROGRAM = f"import django; django.setup(); from {__name__} import tell; tell()"


def tell() -> None:
    sys.stdout.write(json.dumps(make()))


def make() -> dict[str, Any]:
    source = alerts.make()
    workspace = Workspace.objects.get(slug=alerts.NAME)
    asks, signs = _person(workspace, "asks", ASKS), _person(workspace, "signs", (SIGNS,))
    slot = {"slug": SLOT, "title": "Agreed", "roles": [SIGNS], "count": 1, "requester_may": False}
    approvals.define_policy(workspace, POLICY, actor=JOB, name="Chaos", slots=[slot],
                            fresh_factor_minutes=0)  # fmt: skip
    pair = [create_agent(workspace, actor=JOB, name=f"chaos-{n}", role="executor") for n in (1, 2)]
    thread = threads.create_thread(
        workspace, actor=JOB, title="Chaos", participants=[(each, "") for each in pair]
    )
    key = issue_key(pair[0], actor=JOB, workspace=workspace, name="chaos")
    session, token = _session(signs)
    return {
        "alerts": str.__str__(source["key"]),
        "person": _key(asks, workspace),
        "owner": str(asks.uid),
        "agent": str.__str__(key.secret),
        "thread": str(thread.uid),
        "workspace": workspace.slug,
        "at": clock.now().isoformat(),
        "signer": {
            settings.SESSION_COOKIE_NAME: session,
            settings.CSRF_COOKIE_NAME: token,
        },
        "csrf": token,
    }


def _person(workspace: Workspace, name: str, roles: tuple[str, ...]) -> User:
    return access.create_user(
        f"{name}@chaos.example.org", actor=JOB, name=name.title(), workspace=workspace, roles=roles
    )


def _key(person: User, workspace: Workspace) -> str:
    actor: Actor = actor_for_user(person, second_factor_at=clock.now().timestamp())
    return str.__str__(issue_key(person, actor=actor, workspace=workspace, name="chaos").secret)


def _session(user: User) -> tuple[str, str]:
    """As the sign-in form ends, without its password."""
    request = HttpRequest()
    request.session = SessionStore()
    with context.bind(source="console", address="127.0.0.1"):
        complete(request, user, how="password", second_factor=False, target="/")
    return str(request.session.session_key), str(request.META["CSRF_COOKIE"])
