"""What the console's pages cost, over tables that are not small.

The baseline is a bare Django view that draws the same fifty rows with one plain template: no
person, no scope, no frame, no counts. Both run through the whole middleware stack.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client
from django.test.utils import override_settings
from django.urls import include, path

from controlplane.access import services
from controlplane.access.models import Workspace
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.jobs.models import Timer
from controlplane.lib import actors

JOB = actors.job("bench")
ROWS = 100_000
PLAIN = Template(
    "<!DOCTYPE html><title>Timers</title><table>{% for row in rows %}<tr><td>{{ row.kind }}</td>"
    "<td>{{ row.key }}</td><td>{{ row.state }}</td><td>{{ row.due_at }}</td><td>{{ row.ready_at }}"
    "</td><td>{{ row.attempts }}</td></tr>{% endfor %}</table>"
)
PAGES = (
    ("the home page", "/admin/"),
    (f"a list over {ROWS:,} rows", "/admin/jobs/timer/?view=all"),
    ("the same list, filtered", "/admin/jobs/timer/?state__exact=waiting"),
    ("the same list, searched", "/admin/jobs/timer/?q=bench:77&view=all"),
    ("the audit trail", "/admin/audit/auditevent/?view=all"),
    ("the palette's answer", "/admin/go/?format=json&q=job"),
)


def bare(request: HttpRequest) -> HttpResponse:
    rows = Timer.objects.order_by("-pk")[:50]
    return HttpResponse(PLAIN.render(Context({"rows": rows})))


urlpatterns = [path("bench/bare", bare), path("", include("controlplane.urls"))]


@bench.register("console", doc="The console's pages over big tables, against bare views.")
def console(run: Run) -> Iterator[Row]:
    workspace = services.create_workspace("bench-pages", actor=JOB)
    _fill(workspace)
    with override_settings(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECURE_SSL_REDIRECT=False,
        REQUIRE_SECOND_FACTOR=False,
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
    ):
        client = _signed_in(workspace)
        for label, url in PAGES:
            (plain_cpu, plain_wall), (cpu, wall) = bench.cpu_and_wall(
                [_get(client, "/bench/bare"), _get(client, url)], run.seconds
            )
            yield Row(f"{label}, CPU", cpu, "ms", "a bare list of 50 rows", plain_cpu)
            yield Row(f"{label}, wall", wall, "ms", "a bare list of 50 rows", plain_wall)


def _get(client: Client, url: str) -> Callable[[], None]:
    def get() -> None:
        response = client.get(url)
        if response.status_code != 200:
            raise RuntimeError(f"{url} answered {response.status_code}")

    return get


def _fill(workspace: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_timer (uid, kind, key, subject, workspace_id, payload, due_at,"
            " ready_at, state, attempts, max_attempts, last_error, created_at)"
            " SELECT gen_random_uuid(), 'bench', 'bench:' || n, 'bench:' || n, %s, '{}',"
            " now() + interval '1 day', now() + interval '1 day',"
            " CASE WHEN n %% 10 = 0 THEN 'waiting' ELSE 'done' END, 0, 5, '', now()"
            " FROM generate_series(1, %s) n",
            [workspace.pk, ROWS],
        )
        cursor.execute("ANALYZE jobs_timer")


def _signed_in(workspace: Workspace) -> Client:
    password = secrets.token_urlsafe(24)
    person = services.create_user(
        "bench@example.org",
        actor=JOB,
        name="Bench",
        workspace=workspace,
        roles=["workspace_admin"],
        password=password,
    )
    client = Client(REMOTE_ADDR="127.0.0.1")
    answer = client.post("/access/login/", {"email": person.email, "password": password})
    if answer.status_code != 302:
        raise RuntimeError("the sign-in for the measurement was refused")
    return client
