"""Whom the load is made for: people with sessions, agents with keys, and what they look at. Made
inside of the portal that is measured, as a program of its own, by its services and by bulk."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest
from django.test.utils import override_settings

from controlplane.access import services as access
from controlplane.access.models import Agent, User
from controlplane.access.principals import actor_for_agent
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.access.web.sign_in import complete
from controlplane.approvals.links import page_of as page_of_request
from controlplane.approvals.models import Request
from controlplane.base.bench import quiet
from controlplane.catalog.models import Environment
from controlplane.lib import actors, clock, context
from controlplane.work.benches.sample import fill as fill_work
from controlplane.work.services import create_project
from deployments.flags import services as flags
from deployments.flags.models import FlagState
from deployments.flags.models.flags import settings_off
from deployments.flags.services.tokens import issue_token
from incidents.intake import sources
from incidents.intake.receiving import receive
from incidents.links import page_of as page_of_incident
from incidents.models import Incident
from incidents.routing import rules
from missions.benches.checks import STORAGES
from missions.benches.checks import fill as fill_missions
from missions.benches.team import Team
from missions.links import page_of as page_of_mission
from missions.models import Mission
from missions.threads import services as threads
from missions.threads.drafts import Draft
from missions.threads.links import page_of as page_of_thread
from missions.threads.models import Thread
from telemetry import rollups
from telemetry.benches.reading import fill as fill_events

NAME = "load"
JOB = actors.job("bench")
FLAGS = 50
EVENTS = 20_000
ITEMS = 5_000
INCIDENTS = 40
TALKED = 12  # messages of a thread before it begins
LOOKED_AT = 20  # of a kind, in turns
AGENTS = ("executor", "reviewer", "coordinator", "planner")
PEOPLE = ("mission_owner", "primary_operator", "governance_validator", "telemetry_analyst")
PROGRAM = f"import django; django.setup(); from {__name__} import tell; tell(%d, %d, %d)"


def tell(people: int, agents: int, missions: int) -> None:
    with quiet():
        found = make(people, agents, missions)
    sys.stdout.write(json.dumps(found))


def make(people: int, agents: int, missions: int) -> dict[str, Any]:
    with override_settings(STORAGES=STORAGES | {"staticfiles": settings.STORAGES["staticfiles"]}):
        team = Team(NAME)
        fill_missions(team, missions)
    workspace = team.workspace
    made = [
        create_agent(workspace, actor=JOB, name=f"load-{number}", role=role)
        for number, role in enumerate(islice(cycle(AGENTS), agents))
    ]
    rooms = [_thread(team, number, pair) for number, pair in enumerate(_pairs(made))]
    source = sources.create_source(workspace, actor=JOB, name=NAME, format="alertmanager")
    rules.create_rule(
        workspace, NAME, actor=JOB, title="Load", opens="incident", level="sev4", position=1,
        matchers=[], group_by=["alertname"],
    )  # fmt: skip
    for number in range(INCIDENTS):
        receive(source.source, "webhook", _alert(number))
    place = Environment.objects.get(workspace=workspace, slug="staging")
    for number in range(FLAGS):
        _flag(team, number)
    token = issue_token(place, actor=JOB, name=NAME)
    fill_work(create_project(workspace, actor=JOB, name=NAME, prefix="load"), ITEMS)
    end = clock.now().replace(microsecond=0)
    fill_events(workspace, EVENTS, end - timedelta(days=1), end)
    rollups.settle()  # a day that comes all at once is nothing that users do
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": [_session(person) for person in _people(team, people)],
        "agents": [
            {"key": _key(agent), "thread": str(rooms[number // 2 % len(rooms)].uid)}
            for number, agent in enumerate(made)
        ],
        "person": str(team.people["mission_owner"].uid),
        "owner": _key(create_agent(workspace, actor=JOB, name="load-owner", role="coordinator")),
        "alerts": str.__str__(source.key),
        "flags": str.__str__(token.secret),
        "missions": [page_of_mission(row) for row in _last(Mission, team)],
        "refs": [row.ref for row in _last(Mission, team)],
        "incidents": [page_of_incident(row) for row in _last(Incident, team)],
        "requests": [page_of_request(row) for row in _last(Request, team)],
        "threads": [page_of_thread(row) for row in _last(Thread, team)],
    }


def _last(model: Any, team: Team) -> list[Any]:
    rows = model.objects.filter(workspace=team.workspace)
    return list(rows.order_by("-pk")[:LOOKED_AT])


def _people(team: Team, many: int) -> Iterator[User]:
    for number, role in enumerate(islice(cycle(PEOPLE), many)):
        yield access.create_user(
            f"person-{number}@{NAME}.example.org",
            actor=JOB,
            name=f"Person {number}",
            workspace=team.workspace,
            roles=[role, "workspace_admin"],  # all pages are open to them
        )


def _session(user: User) -> str:
    """As the sign-in form ends, without its password."""
    request = HttpRequest()
    request.session = SessionStore()
    with context.bind(source="console", address="127.0.0.1"):
        complete(request, user, how="password", second_factor=False, target="/")
    return str(request.session.session_key)


def _key(agent: Agent) -> str:
    issued = issue_key(agent, actor=JOB, workspace=agent.workspace, name=f"of {agent.name}")
    return str.__str__(issued.secret)


def _pairs(agents: list[Agent]) -> Iterator[list[Agent]]:
    for place in range(0, len(agents), 2):
        yield agents[place : place + 2]


def _thread(team: Team, number: int, pair: list[Agent]) -> Thread:
    thread = threads.create_thread(
        team.workspace, actor=JOB, title=f"Work {number}", participants=[(one, "") for one in pair]
    )
    if number < LOOKED_AT:
        _talk(thread, pair)
    return thread


def _flag(team: Team, number: int) -> None:
    flag = flags.create_flag(team.workspace, f"{NAME}-{number:02}", actor=JOB)
    rule = {
        "title": "half of Europe",
        "percent": 50,
        "stickiness": "default",
        "constraints": [{"contextName": "region", "operator": "IN", "values": ["eu", "uk"]}],
    }
    state = FlagState.objects.get(flag=flag, environment__slug="staging")
    wanted = {**settings_off(), "on": True, "rules": [rule]}
    flags.change_settings(state, wanted, actor=JOB, version=state.version)


def _talk(thread: Thread, pair: list[Agent]) -> None:
    actors_ = [actor_for_agent(each) for each in pair]
    for number in range(TALKED):
        draft = Draft(body=f"Step {number} is done, the next one begins.")
        threads.post_message(thread.uid, draft, actor=actors_[number % len(actors_)])


def _alert(number: int) -> bytes:
    labels = {"alertname": f"Fails{number}", "severity": "warning", "service": f"s{number % 7}"}
    said = {"status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z"}
    said["annotations"] = {"summary": f"{number} calls of a hundred fail"}
    return json.dumps({"version": "4", "alerts": [said]}).encode()
