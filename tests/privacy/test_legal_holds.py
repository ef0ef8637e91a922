"""A legal hold keeps what it is on, whoever would delete it, until it is lifted."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from controlplane.access.models import Workspace
from controlplane.audit import pruning
from controlplane.audit.models import AuditEvent
from controlplane.base import holds, retention
from controlplane.base.data_rules import Reach
from controlplane.base.data_rules import retention as classes
from controlplane.base.models import RetentionRun, Signal
from controlplane.jobs.models import JobRun
from controlplane.lib import actors, clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from controlplane.privacy import services
from controlplane.privacy.models import LegalHold
from controlplane.privacy.services import erasing
from controlplane.privacy.services.holding import people_held, person_is_held
from incidents.models import Incident
from incidents.records.opening import open_incident
from tests import make
from tests.kit import settled

MINE = "/access/account/privacy/"

CLEANUP = actors.job("cleanup")
OLD = timedelta(days=4000)


@settled.once
def scene() -> SimpleNamespace:
    here, there = make.workspace(), make.workspace()
    lawyer = make.person(here, "legal")
    found = SimpleNamespace(here=here, there=there, lawyer=lawyer, robin=make.person(here))
    found.stranger = make.person(there, "legal")
    found.root = make.root_of(here, "legal", "workspace_admin")
    return found


def opened(workspace: Workspace) -> Incident:
    return open_incident(workspace, actor=make.JOB, title="Search is slow", severity="sev3")


def signals(*where: Any) -> None:
    then = clock.now() - OLD
    for number, workspace in enumerate(where):
        Signal.objects.create(kind="k", key=f"held-{number}", workspace=workspace, state="done",
                              finished_at=then)  # fmt: skip


def place(scene: SimpleNamespace, **given: Any) -> LegalHold:
    who = make.actor(given.pop("by", scene.lawyer))
    return services.place_hold(scene.here, actor=who, reason="Matter 17.", **given)


def clean(slug: str, **how: Any) -> RetentionRun:
    [run] = retention.clean(actor=CLEANUP, only=slug, **how)
    assert not run.error
    return run


def left() -> set[int | None]:
    return set(Signal.objects.filter(key__startswith="held-").values_list("workspace", flat=True))


@pytest.mark.parametrize(
    "on", [{"kind": "everything"}, {"kind": "class", "slug": "base.signals"}], ids=str
)
def test_clean__held_workspace__its_rows_stay_and_are_counted(
    scene: SimpleNamespace, on: dict[str, str]
) -> None:
    signals(scene.here, scene.here, scene.there, None)
    place(scene, **on)
    dry = clean("base.signals", dry_run=True)
    assert (dry.rows, dry.held) == (2, 2)
    run = clean("base.signals")
    assert (run.rows, run.held) == (2, 2)
    assert left() == {scene.here.pk}


def test_clean__another_kind_of_data_is_held__goes(scene: SimpleNamespace) -> None:
    signals(scene.here)
    place(scene, kind="class", slug="alerts.events")
    assert clean("base.signals").rows == 1


def test_clean__lifted__goes_with_the_next(scene: SimpleNamespace) -> None:
    signals(scene.here)
    hold = place(scene, kind="everything")
    assert clean("base.signals").rows == 0
    services.lift_hold(hold, actor=make.actor(scene.lawyer), reason="The matter is closed.")
    run = clean("base.signals")
    assert (run.rows, run.held) == (1, 0)


def test_clean__held_person__their_news_stay(scene: SimpleNamespace) -> None:
    news = [
        Notification.objects.create(workspace=scene.here, key=f"legal-{number}", subject="s",
                                    kind="k", created_at=clock.now() - OLD)
        for number in (1, 2)
    ]  # fmt: skip
    for method in ("email", "inbox"):  # two ways to one person are one notification
        news[0].deliveries.create(user=scene.robin, method=method)
    place(scene, kind="person", person=scene.robin)
    run = clean("notify.notifications")
    assert run.held == 1
    assert list(Notification.objects.filter(key__startswith="legal-")) == [news[0]]


def test_clean__news_about_a_held_incident__stay(scene: SimpleNamespace) -> None:
    incident = opened(scene.here)
    place(scene, kind="record", ref=incident.ref.lower())
    Notification.objects.all().delete()
    for about in (f"incidents.incident:{incident.pk}", "incidents.incident:999999999"):
        Notification.objects.create(workspace=scene.here, key=about, subject="s", kind="k",
                                    about=about, created_at=clock.now() - OLD)  # fmt: skip
    run = clean("notify.notifications")
    assert (run.rows, run.held) == (1, 1)


def test_clean__data_of_no_workspace__only_a_superuser_holds_it(scene: SimpleNamespace) -> None:
    then = clock.now() - OLD
    JobRun.objects.create(name="j", state="done", due_at=then, finished_at=then)
    place(scene, kind="everything")
    on = {"kind": "class", "slug": "jobs.runs"}
    with pytest.raises(NotAllowed):
        place(scene, **on)
    assert clean("jobs.runs", dry_run=True).rows == 1
    assert place(scene, by=scene.root, **on).workspace is None
    run = clean("jobs.runs")
    assert (run.rows, run.held) == (0, 1)


def test_clean__whole_installation_is_held__nothing_goes(scene: SimpleNamespace) -> None:
    signals(scene.here, scene.there, None)
    with pytest.raises(NotAllowed):
        place(scene, kind="installation")
    place(scene, by=scene.root, kind="installation")
    for run in retention.clean(actor=CLEANUP, dry_run=True):
        assert run.rows == 0, run.slug
    assert clean("base.signals").held == 3


def test_reach__every_class_that_ends__is_reached_or_names_no_workspace() -> None:
    """A class that is added says how a hold gets to its rows."""
    ends = [entry for entry in classes if entry.keep is not None or entry.delete is not None]
    nobodys = {entry.slug for entry in ends if entry.reach == Reach()}
    assert nobodys == {
        *("access.browser_sessions", "access.attempts", "jobs.runs", "base.retention_runs"),
    }
    assert not [entry.slug for entry in ends if entry.delete and entry.held is None]
    known = {entry.slug for entry in classes}
    assert {slug for entry in ends for slug in entry.reach.carries} <= known


def test_clean__every_class_under_every_kind_of_hold__its_query_is_valid(
    scene: SimpleNamespace,
) -> None:
    incident = opened(scene.here)
    place(scene, kind="everything")
    place(scene, kind="person", person=scene.robin)
    place(scene, kind="record", ref=incident.ref)
    for entry in classes:
        if entry.keep is not None and entry.reach.workspace:
            place(scene, kind="class", slug=entry.slug)
    runs = retention.clean(actor=CLEANUP, dry_run=True) + retention.clean(actor=CLEANUP)
    assert runs
    assert not [(run.slug, run.error) for run in runs if run.error]


def test_clean__what_goes_along__keeps_what_it_goes_with(scene: SimpleNamespace) -> None:
    """Deleting an alert deletes its events."""
    place(scene, kind="class", slug="alerts.events")
    assert holds.condition("alerts.resolved") is not None
    assert holds.condition("alerts.silences") is None


def test_erase__held_person__is_refused_and_left_by_the_job(scene: SimpleNamespace) -> None:
    asked = services.ask_erasure(scene.here, scene.robin, actor=make.actor(scene.robin))
    hold = place(scene, kind="person", person=scene.robin)
    type(asked).objects.filter(pk=asked.pk).update(not_before=clock.now() - timedelta(days=1))
    asked.refresh_from_db()
    with pytest.raises(GateNotMet, match="legal hold"):
        erasing.erase(asked, actor=erasing.JOB)
    assert erasing.erase_ripe() == {"erased": 0, "failed": 0}
    services.lift_hold(hold, actor=make.actor(scene.lawyer), reason="Closed.")
    assert erasing.erase_ripe() == {"erased": 1, "failed": 0}


@pytest.mark.parametrize("kind", ["person", "everything"])
def test_request_of_somebody_held__says_so__to_them_and_to_the_officer(
    scene: SimpleNamespace, kind: str
) -> None:
    asked = services.ask_erasure(scene.here, scene.robin, actor=make.actor(scene.robin))
    assert people_held({scene.robin.pk, scene.lawyer.pk}) == set()
    hold = place(scene, kind=kind, **({"person": scene.robin} if kind == "person" else {}))
    assert (scene.robin.pk in people_held({scene.robin.pk})) is person_is_held(scene.robin.pk)
    assert people_held(set()) == set()
    assert (scene.lawyer.pk in people_held({scene.lawyer.pk})) is (kind == "everything")
    officer = make.client(make.person(scene.here, "privacy_officer"))
    listed = "/admin/privacy/deletionrequest/?standing=open"
    said = "A legal hold keeps what is held about them."
    assert said in officer.get(listed).content.decode()
    mine = make.client(scene.robin)
    assert "The law keeps what is held about you" in mine.get(MINE).content.decode()
    services.lift_hold(hold, actor=make.actor(scene.lawyer), reason="Closed.")
    assert said not in officer.get(listed).content.decode()
    page = mine.get(MINE).content.decode()
    assert "The law keeps" not in page
    assert "until then you can withdraw it" in page
    assert asked.status == "waiting"


def test_erase__workspace_of_theirs_is_held__is_refused(scene: SimpleNamespace) -> None:
    asked = services.ask_erasure(scene.here, scene.robin, actor=make.actor(scene.robin))
    place(scene, kind="everything")
    type(asked).objects.filter(pk=asked.pk).update(not_before=clock.now() - timedelta(days=1))
    asked.refresh_from_db()
    with pytest.raises(GateNotMet):
        erasing.erase(asked, actor=erasing.JOB)


def test_prune__while_any_hold_on_the_log_stands__is_refused(scene: SimpleNamespace) -> None:
    place(scene, kind="everything")
    assert pruning.prune(actors.job("prune_audit")).deleted == 0  # looking is allowed
    with pytest.raises(Conflict, match="legal hold"):
        pruning.prune(actors.job("prune_audit"), dry_run=False)


# --- Placing and lifting ---------------------------------------------------------------------


def test_place__is_audited_with_its_reason__and_once(scene: SimpleNamespace) -> None:
    hold = place(scene, kind="person", person=scene.robin)
    said = AuditEvent.objects.get(action="legal_hold.place")
    assert (said.reason, said.workspace_id) == ("Matter 17.", scene.here.pk)
    assert scene.robin.name not in str(said.after)
    assert (hold.stands, hold.placed_by) == (True, f"user:{scene.lawyer.pk}")
    with pytest.raises(Conflict):
        place(scene, kind="person", person=scene.robin)
    lawyer = make.actor(scene.lawyer)
    done = services.lift_hold(hold, actor=lawyer, reason="Closed.")
    assert (done.stands, done.lift_reason) == (False, "Closed.")
    assert AuditEvent.objects.get(action="legal_hold.lift").reason == "Closed."
    with pytest.raises(InvalidTransition):
        services.lift_hold(hold, actor=lawyer, reason="Again.")
    assert place(scene, kind="person", person=scene.robin).pk != hold.pk


def test_place__what_is_not_there__says_so(scene: SimpleNamespace) -> None:
    elsewhere = opened(scene.there)
    outsider = make.person(scene.there)
    for given in (
        {"kind": "class", "slug": "no.such"},
        {"kind": "class", "slug": "incidents.record"},  # kept without end
        {"kind": "record", "ref": "MSN-1"},
        {"kind": "record", "ref": "XYZ-1"},
        {"kind": "record", "ref": "INC-999999"},
        {"kind": "record", "ref": elsewhere.ref + "0"},
        {"kind": "person"},
        {"kind": "person", "person": outsider},
        {"kind": "moon"},
        {"kind": "everything", "person": scene.robin},  # meant for one, said of all
        {"kind": "class", "slug": "alerts.events", "ref": "INC-1"},
    ):
        with pytest.raises(Invalid):
            place(scene, **given)
    with pytest.raises(Invalid):
        services.place_hold(
            scene.here, actor=make.actor(scene.lawyer), kind="everything", reason=" "
        )
    assert not LegalHold.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "workspace_admin", "privacy_officer"])
def test_place_and_lift__other_roles_and_strangers__refused(
    scene: SimpleNamespace, role: str
) -> None:
    hold = place(scene, kind="everything")
    for who in (make.person(scene.here, role), scene.stranger):
        with pytest.raises(NotAllowed):
            place(scene, by=who, kind="person", person=scene.robin)
        with pytest.raises(NotAllowed):
            services.lift_hold(hold, actor=make.actor(who), reason="No.")
    assert LegalHold.objects.standing().count() == 1


def test_database__a_hold__is_not_changed_nor_deleted_nor_lifted_twice(
    scene: SimpleNamespace,
) -> None:
    hold = place(scene, kind="everything")
    rows = LegalHold.objects.filter(pk=hold.pk)
    for change in ({"reason": "Another."}, {"kind": "person"}, {"placed_by": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(lifted_at=clock.now())  # by nobody
    services.lift_hold(hold, actor=make.actor(scene.lawyer), reason="Closed.")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(lifted_at=None, lifted_by="", lift_reason="")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()


# --- Doors -----------------------------------------------------------------------------------


def test_console__place_see_lift(scene: SimpleNamespace) -> None:
    client = make.client(scene.lawyer)
    new = "/admin/privacy/legalhold/add/"
    page = client.get(new).content.decode()
    assert '<option value="alerts.events">Single reports of alerts</option>' in page
    assert ">alerts" not in page
    assert "The whole installation" not in page
    assert '<option value="" selected>Choose what it is on</option>' in page
    assert "Kind of data" in page
    given = {"kind": "class", "slug": "alerts.events", "reason": "Matter."}
    assert client.post(new, given).status_code == 302
    hold = LegalHold.objects.get()
    listed = client.get("/admin/privacy/legalhold/", follow=True).content.decode()
    assert "single reports of alerts" in listed.lower()
    shown = client.get(f"/admin/privacy/legalhold/{hold.pk}/change/").content.decode()
    assert "What it keeps" in shown
    assert "Single reports of alerts" in shown
    lift = f"/admin/privacy/legalhold/{hold.pk}/do/lift/"
    assert client.post(lift, {"reason": "Closed."}).status_code == 302
    hold.refresh_from_db()
    assert not hold.stands


def test_console__stranger_and_viewer__see_nothing(scene: SimpleNamespace) -> None:
    hold = place(scene, kind="everything")
    url = f"/admin/privacy/legalhold/{hold.pk}/change/"
    viewer = make.client(make.person(scene.here, "viewer"))
    assert viewer.get("/admin/privacy/legalhold/").status_code == 403
    assert make.client(scene.stranger).get(url).status_code in {302, 403, 404}
    assert make.client(scene.stranger).post(
        f"/admin/privacy/legalhold/{hold.pk}/do/lift/", {"reason": "x"}
    ).status_code in {302, 403, 404}
    hold.refresh_from_db()
    assert hold.stands


def test_api__place_list_lift__and_the_stranger(scene: SimpleNamespace) -> None:
    client, url = make.client(scene.lawyer), "/api/v1/privacy/holds"

    def post(to: str, by: Any = client, **body: Any) -> Any:
        return by.post(to, body, content_type="application/json")

    made = post(url, kind="person", person=str(scene.robin.uid), reason="Matter 17.")
    assert made.status_code == 201, made.content
    one = made.json()
    assert (one["person"], one["workspace"]) == (str(scene.robin.uid), scene.here.slug)
    assert [row["uid"] for row in client.get(f"{url}?stands=true").json()["items"]] == [one["uid"]]
    stranger = make.client(scene.stranger)
    assert stranger.get(url).json()["items"] == []
    assert stranger.get(f"{url}/{one['uid']}").status_code == 404
    assert post(f"{url}/{one['uid']}/lift", stranger, reason="No.").status_code == 404
    assert post(url, kind="record", ref="MSN-1", reason="x").status_code == 400
    assert post(f"{url}/{one['uid']}/lift", reason="Closed.").json()["lift_reason"] == "Closed."
    assert post(f"{url}/{one['uid']}/lift", reason="Again.").status_code == 409
    viewer = make.client(make.person(scene.here, "viewer"))
    assert viewer.get(url).status_code == 403


def test_clean_up_page__held_rows__are_said(scene: SimpleNamespace) -> None:
    signals(scene.here)
    place(scene, kind="everything")
    clean("base.signals")
    run = RetentionRun.objects.get(slug="base.signals", dry_run=False)
    root = make.client(scene.root)
    page = root.get(f"/admin/base/retentionrun/{run.pk}/change/").content.decode()
    assert "Legal holds kept" in page
    assert "News between parts of the portal, older than" in page


def test_take_turn__whoever_deletes__ends_before_a_hold_stands(db: None) -> None:
    """Two who delete share their turn; a hold waits for them, and they for it."""
    with transaction.atomic(), connection.cursor() as cursor:
        holds.take_turn(alone=False)
        holds.take_turn(alone=False)
        got: list[bool] = []

        def other() -> None:
            from django.db import connections

            with connections["default"].cursor() as second:
                for how in ("pg_try_advisory_lock_shared", "pg_try_advisory_lock"):
                    second.execute(f"SELECT {how}(%s)", [holds.LOCK])
                    got.append(bool(second.fetchone()[0]))
                second.execute("SELECT pg_advisory_unlock_all()")
            connections["default"].close()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        cursor.execute("SELECT 1")
    assert got == [True, False]
