"""`manage.py demo_agents`: agents at work in the demo workspace, so that it moves as one looks."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from controlplane.access.models import Agent, ApiKey, Workspace
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key, revoke_key
from controlplane.base import demo
from controlplane.catalog.models import Environment
from controlplane.demo_agents.calls import KeyRefused
from controlplane.demo_agents.crew import PIPELINE
from controlplane.demo_agents.running import Run as Agents
from controlplane.embedded.portal import Address
from controlplane.embedded.state import Run, State
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError
from deployments.flags.models import SdkToken
from deployments.flags.services.tokens import issue_token, revoke_token

ROLES = ("coordinator", "evidence", "executioner", "executor", "inspector", "planner", "reviewer",
         "validator")  # fmt: skip
SERVICE = "ci"
SCOPES = ("deployment.view", "deployment.create", "deployment.change", "deployment.tick",
          "deployment.start", "deployment.close", "rollout.view", "rollout.report",
          "telemetry.ingest", "telemetry.audit")  # fmt: skip
NAME = "demo_agents"  # of the keys of a run: whatever an earlier one left is ended first
DAYS = 7
ACTOR = job("demo_agents")


@dataclass
class Keys:
    """What a run is let in with, by role; it ends with the run."""

    secrets: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    flag_token: str = ""


class Command(BaseCommand):
    help = (
        "Let reference agents work in the demo workspace over the public API, until Ctrl-C: they"
        " take work, run missions, talk, report, ask flags and deploy to staging."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--url", help="the portal's address (of the one that runs here)")
        parser.add_argument("--workspace", default=demo.SLUG, metavar="SLUG", help="a demo's")
        parser.add_argument("--pace", type=float, default=1.0, help="acts a second on average")
        parser.add_argument("--seconds", type=float, help="how long (until Ctrl-C)")
        parser.add_argument("--seed", type=int, default=1, help="the same one acts alike")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["pace"] <= 50:
            raise CommandError("--pace must be positive, and at most 50.")
        if options["seconds"] is not None and not options["seconds"] > 0:
            raise CommandError("--seconds must be positive.")
        workspace = _demo_workspace(options["workspace"])
        url, authority = _address(options["url"] or "")
        with _let_in(workspace) as keys:
            agents = Agents(
                url, keys.secrets, keys.names, flag_token=keys.flag_token, authority=authority,
                seed=options["seed"], pace=options["pace"], seconds=options["seconds"],
                out=self.stdout,
            )  # fmt: skip
            self.stdout.write(f"{len(keys.secrets)} agents in {workspace} at {url}. Ctrl-C ends.")
            with _until_told(agents):
                try:
                    agents.go()
                except KeyRefused as refused:
                    raise CommandError(f"The portal takes their keys no more: {refused}") from None
        done, not_done = agents.done.total(), agents.refused.total()
        self.stdout.write(f"Ended after {done} acts, {not_done} refused. Their keys are ended.")


def _demo_workspace(slug: str) -> Workspace:
    """Nobody else's: what they do there is made up."""
    found = Workspace.objects.filter(slug=slug, archived_at=None).first()
    if found is None:
        raise CommandError(f"There is no workspace {slug}. `manage.py seed_demo` makes the demo.")
    if not found.is_demo:
        raise CommandError(f"{found} is no demo workspace: what these agents do is made up.")
    return found


def _address(named: str) -> tuple[str, str]:
    state = State.at(settings.STATE_DIR)
    run = Run.read(state)
    url = named or (run.url if run.running else "")
    if not url:
        raise CommandError("The portal isn't running: `python3 manage.py up`, or name its --url.")
    address = Address.of_url(url)
    authority = state.root / "proxy" / "pki/authorities/local/root.crt"
    return url.rstrip("/"), str(authority) if address.tls and authority.exists() else ""


@contextmanager
def _until_told(agents: Agents) -> Iterator[None]:
    """Ctrl-C and a polite kill end the run between two acts, not in the middle of one."""
    before = {
        number: signal.signal(number, lambda *_: agents.stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _let_in(workspace: Workspace) -> Iterator[Keys]:
    try:
        keys = _issue(workspace)
    except ControlPlaneError as error:
        raise CommandError(error.message) from None
    try:
        yield keys
    finally:
        _end_keys(workspace)


@transaction.atomic
def _issue(workspace: Workspace) -> Keys:
    _end_keys(workspace)
    found = Keys()
    for role in ROLES:
        agent = Agent.objects.filter(workspace=workspace, role=role, is_active=True).first()
        if agent is None:
            agent = create_agent(workspace, actor=ACTOR, name=f"{role}-1", role=role)
        _give(found, role, agent)
    service = Agent.objects.filter(workspace=workspace, name=SERVICE, role="").first()
    if service is None:
        kind = Agent.Kind.SERVICE
        service = create_agent(workspace, actor=ACTOR, name=SERVICE, kind=kind)
    _give(found, PIPELINE, service, SCOPES)
    staging = Environment.objects.filter(workspace=workspace, slug="staging").first()
    if staging is not None:
        issued = issue_token(staging, actor=ACTOR, name=NAME, days=DAYS)
        found.flag_token = str(issued.secret)
    return found


def _give(found: Keys, role: str, agent: Agent, scopes: tuple[str, ...] = ()) -> None:
    issued = issue_key(agent, actor=ACTOR, name=NAME, scopes=scopes, days=DAYS)
    found.secrets[role], found.names[role] = str(issued.secret), agent.name


@transaction.atomic
def _end_keys(workspace: Workspace) -> None:
    keys = ApiKey.objects.filter(workspace=workspace, name=NAME, revoked_at=None)
    for key in keys.exclude(agent=None):
        revoke_key(key, actor=ACTOR, reason="The run has ended.")
    for token in SdkToken.objects.filter(workspace=workspace, name=NAME, revoked_at=None):
        revoke_token(token, actor=ACTOR, reason="The run has ended.")
