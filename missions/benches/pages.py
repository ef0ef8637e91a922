"""What people open most, while there are so many: the list, a mission's page, its next step."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client
from django.test.utils import override_settings
from django.urls import include, path

from controlplane.access import services as access
from controlplane.base.bench import Row, Run, cpu_and_wall, quiet
from missions import links, standing
from missions.benches.team import JOB, Team
from missions.models import Mission
from missions.shown.cockpit import Cockpit

_LIST = "/admin/missions/mission/?view=all"
_PLAIN = Template(
    "<!DOCTYPE html><title>Missions</title><table>{% for row in rows %}<tr><td>{{ row.ref }}</td>"
    "<td>{{ row.title }}</td><td>{{ row.stage }}</td><td>{{ row.status }}</td>"
    "<td>{{ row.owner.name }}</td><td>{{ row.due_on }}</td></tr>{% endfor %}</table>"
)
_BARE = "a bare list of 50 rows"


def bare(request: HttpRequest) -> HttpResponse:
    rows = Mission.objects.select_related("owner").order_by("-pk")[:50]
    return HttpResponse(_PLAIN.render(Context({"rows": rows})))


urlpatterns = [path("bench/bare", bare), path("", include("controlplane.urls"))]


def measure(run: Run, team: Team, many: int) -> Iterator[Row]:
    row = Mission.objects.of(team.workspace).in_stage("plan_approve").latest("pk")
    with quiet():
        (_, gates), (_, cockpit) = cpu_and_wall(
            [partial(standing.standing, row), partial(_cockpit, team, row)], run.seconds / 2
        )
    yield Row("what a mission's page rests on", cockpit, "ms", "its gates alone", gates)
    with override_settings(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECURE_SSL_REDIRECT=False,
        REQUIRE_SECOND_FACTOR=False,
    ):
        client = _signed_in(team)
        for title, address in (
            (f"the list of {many:,} missions", _LIST),
            ("the page of a mission in its plan", links.page_of(row)),
        ):
            with quiet():
                (cpu, _), (page_cpu, page) = cpu_and_wall(
                    [_get(client, "/bench/bare"), _get(client, address)], run.seconds
                )
            yield Row(title, page_cpu, "ms", _BARE, cpu, f"CPU; {page:.0f} ms by the clock")


def _cockpit(team: Team, row: Mission) -> None:
    found = Cockpit(row, team.owner)
    _ = (found.stands, found.signing, found.now, found.here, found.onward)


def _get(client: Client, address: str) -> Callable[[], None]:
    def get() -> None:
        answer = client.get(address)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")

    return get


def _signed_in(team: Team) -> Client:
    password = secrets.token_urlsafe(24)
    person = access.create_user(
        "bench-missions@example.org",
        actor=JOB,
        name="Bench",
        workspace=team.workspace,
        roles=["workspace_admin"],
        password=password,
    )
    client = Client(REMOTE_ADDR="127.0.0.1")
    answer = client.post("/access/login/", {"email": person.email, "password": password})
    if answer.status_code != 302:
        raise RuntimeError("the sign-in for the measurement was refused")
    return client
