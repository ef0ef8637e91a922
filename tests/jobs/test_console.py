"""Jobs, runs and alarms in the console: from the button to the page that shows how far it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.jobs import alarms, leases, runs, shown, timers
from controlplane.jobs.models import JobRun, ScheduledJob, WatchAlarm
from controlplane.jobs.registry import JOBS
from controlplane.jobs.schedules import Cron, Every
from controlplane.jobs.watch import Finding
from controlplane.lib import clock
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
NAME = "jobs.clean_up"


@settled.once
def ws() -> Workspace:
    return make.workspace()


@settled.once
def root(ws: Workspace) -> Client:
    return make.client(make.root_of(ws))


@settled.once
def job() -> ScheduledJob:
    runs.schedule_due()
    return ScheduledJob.objects.get(name=NAME)


def page(obj: Any, view: str = "change", *args: str) -> str:
    key = getattr(obj, "uid", obj.pk)
    return reverse(f"admin:jobs_{obj._meta.model_name}_{view}", args=[key, *args])


def read(client: Client, obj: Any) -> str:
    answer = client.get(page(obj))
    assert answer.status_code == 200
    return answer.content.decode()


# --- Jobs and runs ------------------------------------------------------------------------------


def test_run_now__leads_to_the_runs_page(root: Client, job: ScheduledJob) -> None:
    answer = root.post(page(job, "button", "run_now"))
    run = JobRun.objects.get()
    assert answer["Location"] == page(run)
    assert "A worker takes it within seconds" in read(root, run)


def test_run__while_it_runs__shows_how_far_and_offers_to_stop(
    root: Client, job: ScheduledJob
) -> None:
    run = runs.ask_run(NAME, actor=make.JOB)
    leases.claim_one(JobRun.objects.all(), lease_seconds=60)
    JobRun.objects.update(
        progress_done=30, progress_total=120, progress_note="third class", progress_at=Now()
    )
    text = read(root, run)
    assert "30 of 120" in text
    assert "third class" in text
    assert "Stop it…" in text
    root.post(page(run, "button", "cancel"), {"reason": "wrong day"})
    assert JobRun.objects.get().cancel_requested_at is not None
    text = read(root, run)
    assert "It stops at its next step" in text
    assert "it has been asked to stop" in text


def test_run__only_its_part__changes_with_its_progress(root: Client, job: ScheduledJob) -> None:
    run = runs.ask_run(NAME, actor=make.JOB)
    leases.claim_one(JobRun.objects.all(), lease_seconds=60)
    first = root.get(f"{page(run)}?_part=row")
    same = root.get(f"{page(run)}?_part=row", headers={"If-None-Match": first["ETag"]})
    assert same.status_code == 304
    JobRun.objects.update(progress_done=1, progress_total=2, progress_note="halfway")
    again = root.get(f"{page(run)}?_part=row", headers={"If-None-Match": first["ETag"]})
    assert b"halfway" in again.content


def test_run__role_of_one_workspace__sees_but_may_not_stop(
    ws: Workspace, job: ScheduledJob
) -> None:
    run = runs.ask_run(NAME, actor=make.JOB)
    operator = make.client(make.person(ws, "primary_operator"))
    assert "needs a superuser" in read(operator, run)
    answer = operator.post(page(run, "button", "cancel"), {"reason": "mine"})
    assert answer.status_code == 403
    assert JobRun.objects.get().state == leases.WAITING
    viewer = make.client(make.person(ws, "viewer"))
    assert viewer.get(page(run)).status_code == 403


def test_job__page_tells_schedule_history_and_silence(root: Client, job: ScheduledJob) -> None:
    for number in range(3):
        JobRun.objects.create(
            name=NAME,
            due_at=clock.now() - timedelta(days=number + 1),
            state=leases.DEAD if number == 1 else leases.DONE,
            duration_ms=1_500,
            last_error="disk full" if number == 1 else "",
            finished_at=clock.now(),
        )
    text = read(root, job)
    assert JOBS[NAME].doc in text
    assert "daily at 02:40 UTC" in text
    assert "disk full" in text
    assert f"?job={NAME}" in text
    listed = root.get(f"/admin/jobs/jobrun/?job={NAME}").content.decode()
    assert "disk full" in listed


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Every(timedelta(seconds=15)), "every 15 seconds"),
        (Every(timedelta(hours=1)), "every hour"),
        (Every(timedelta(minutes=90)), "every 90 minutes"),
        (Cron("03:15"), "daily at 03:15 UTC"),
        (Cron("0 6 * * 1"), "Mondays at 06:00 UTC"),
        (Cron("0 4 * * 7", "Europe/Berlin"), "Sundays at 04:00 Europe/Berlin"),
        (Cron("30 2 1 * *"), "on day 1 of each month at 02:30 UTC"),
        (Cron("*/5 8-18 * * 1-5"), "*/5 8-18 * * 1-5 (UTC)"),
    ],
)
def test_schedule__in_words(schedule: Any, words: str) -> None:
    assert shown.schedule_words(schedule) == words


def test_job_health__silent_is_worse_than_one_failure(job: ScheduledJob) -> None:
    now = clock.now()
    assert shown.job_health(job) == "new"
    job.last_ok_at = now - timedelta(minutes=5)
    assert shown.job_health(job) == "ok"
    job.last_failed_at = now
    assert shown.job_health(job) == "failing"
    job.last_ok_at = now - JOBS[NAME].silence_after - timedelta(minutes=1)
    assert shown.job_health(job) == "silent"
    job.enabled = False
    assert shown.job_health(job) == "off"
    job.name = "gone.job"
    assert shown.job_health(job) == "removed"


# --- Alarms and timers --------------------------------------------------------------------------


def test_alarm__says_what_to_do_in_the_runbooks_words(root: Client) -> None:
    alarms.settle([Finding("component", "beat", "No sign of life from beat.")])
    text = read(root, WatchAlarm.objects.get())
    assert "A process has given no sign of life for 15 seconds" in text
    assert "manage.py up" in text


@pytest.mark.parametrize("kind", ["nothing", "../../etc/passwd", "a\nb", "component\n### x", ""])
def test_runbook__unknown_kind__nothing(kind: str) -> None:
    assert shown.runbook(kind) == ""


def test_runbook__every_kind_the_watch_raises__has_words() -> None:
    for kind in ("component", "engine", "lag", "dead", "job", "probe", "audit", "backup"):
        assert len(shown.runbook(kind)) > 100, kind
        assert "](#" not in shown.runbook(kind)


def test_alarm__came_before__named(root: Client) -> None:
    alarms.settle([Finding("engine", "signals", "late")])
    WatchAlarm.objects.update(closed_at=Now())
    alarms.settle([Finding("engine", "signals", "late again")])
    assert "The same, before" in read(root, WatchAlarm.objects.get(closed_at=None))


def test_timer__tells_what_its_handler_does_and_whose_it_is(
    root: Client, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remind(timer: Any) -> None:
        """Remind the owner once more."""

    monkeypatch.setitem(timers.HANDLERS, "tests.remind", remind)
    timer = timers.set_timer(
        "tests.remind",
        key="one",
        due_at=clock.now() + timedelta(hours=1),
        subject=f"access.workspace:{ws.pk}",
        workspace_id=ws.pk,
        payload={"token": "ghp_0123456789abcdef0123456789abcdef0123"},
    )
    text = read(root, timer)
    assert "Remind the owner once more." in text
    assert "ghp_0123456789" not in text
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    assert stranger.get(page(timer)).status_code == 404


def test_list__names_what_a_timer_is_about__a_stranger_sees_none_of_it(
    root: Client, ws: Workspace
) -> None:
    timers.set_timer(
        "tests.remind",
        key="about",
        due_at=clock.now() + timedelta(hours=1),
        subject=f"access.workspace:{ws.pk}",
        workspace_id=ws.pk,
    )
    listed = root.get("/admin/jobs/timer/", follow=True).content.decode()
    assert ws.name in listed
    assert f"access.workspace:{ws.pk}<" not in listed
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    assert "tests.remind" not in stranger.get("/admin/jobs/timer/", follow=True).content.decode()
