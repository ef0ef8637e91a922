"""The key with which `bd` of this machine's user works at the portal that this user runs."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.access import keys
from controlplane.access.models import Agent, ApiKey, Workspace
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key, rotate_key
from controlplane.lib import clock
from controlplane.lib.actors import job
from controlplane.lib.defaults import define

NAME = "bd-local"
SCOPES = ("work.*",)
DAYS = define(
    "work.local_key_days",
    30,
    unit="days",
    why="It is renewed by the portal itself, so nobody is troubled when it ends.",
)
RENEW_DAYS = define(
    "work.local_key_renew_days",
    7,
    unit="days",
    why="Renewed this long before its end: a portal that starts once a week keeps it alive.",
)


@transaction.atomic
def local_key(workspace: Workspace, known: str = "") -> str:
    """The key that is known already while it has days to go; else its successor, or a first one.
    It belongs to a service account that may do what is done with the work graph, and no more."""
    actor = job("connect_bd")
    agent = _account(workspace)
    old = _key_of(agent, known)
    if old is not None and old.expires_at - clock.now() > timedelta(days=RENEW_DAYS.value):
        return known
    if old is not None:
        return str(rotate_key(old, actor=actor, days=DAYS.value).secret)
    issued = issue_key(agent, actor=actor, name=NAME, scopes=SCOPES, days=DAYS.value)
    return str(issued.secret)


def _account(workspace: Workspace) -> Agent:
    found = Agent.objects.filter(workspace=workspace, name__iexact=NAME).first()
    if found is not None:
        return found
    return create_agent(
        workspace,
        actor=job("connect_bd"),
        name=NAME,
        kind=Agent.Kind.SERVICE,
        description="bd on the machine that runs this portal, for the user who runs it",
    )


def _key_of(agent: Agent, known: str) -> ApiKey | None:
    text = keys.parse(known) if known else None
    if text is None:
        return None
    found = agent.keys.in_force().filter(prefix=text.prefix).first()
    # The file may have been changed: what it says must be the key itself.
    if found is None or bytes(found.secret_sha256) != keys.digest(text):
        return None
    return found if not found.rotated_to.filter(revoked_at=None).exists() else None
