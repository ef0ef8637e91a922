"""What is said of a window leaves once: in its time, or late and together after a silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.notify import services as news
from controlplane.notify.models import Channel, Delivery, Notification
from deployments.maintenance import banner, places, plans, services, standing
from deployments.models import Notice
from deployments.shown import windows as shown
from deployments.shown.windows import following
from tests import make
from tests.kit import settled
from tests.kit.deployments import fire, there
from tests.kit.maintenance import World, again, at, states

pytestmark = pytest.mark.django_db
START = datetime(2027, 3, 28, 2, tzinfo=UTC)


@settled.once
def world() -> World:
    made = World()
    made.watcher()
    made.service()
    return made


def sent_of(world: World) -> list[str]:
    rows = Notification.objects.filter(workspace=world.workspace, kind__startswith="maintenance.")
    kinds = rows.exclude(kind="maintenance.partner").order_by("pk").values_list("kind", flat=True)
    return [kind.removeprefix("maintenance.") for kind in kinds]


def test_schedule__lays_out_five_things_in_five_places(world: World) -> None:
    row = world.scheduled()
    assert row.notices.count() == 25
    assert row.notices.exclude(state="due").count() == 0
    assert Timer.objects.filter(kind="maintenance.notice", state="waiting").count() == 3
    with pytest.raises(Conflict):
        services.announce(services.announce(row, actor=world.actor), actor=world.actor)


def test_each__leaves_in_its_time(world: World) -> None:
    row = world.scheduled()
    for days, kinds in (
        (14, ["planned"]),
        (7, ["planned", "week"]),
        (1, ["planned", "week", "day"]),
    ):
        with at(row.starts_at - timedelta(days=days) + timedelta(seconds=1)):
            fire()
            fire()
            assert sent_of(world) == kinds
    assert states(row, "day") == {"sent", "nowhere"}  # there is no chat channel
    assert again(row).status == "announced"


@pytest.mark.parametrize(
    ("hours_before", "kinds"), [(20, ["day"]), (80, ["week"]), (24 * 8, ["planned"])]
)
def test_after_silence__the_last_is_said_and_says_it_is_late(
    world: World, hours_before: int, kinds: list[str]
) -> None:
    row = world.scheduled()
    with at(row.starts_at - timedelta(hours=hours_before)):
        fire()
        fire()
        assert sent_of(world) == kinds
        assert "comes late" in Notification.objects.get(kind=f"maintenance.{kinds[0]}").body
    assert states(row, kinds[0]) == {"late", "nowhere"}
    before = plans.AHEAD[: plans.AHEAD.index(kinds[0])]
    for kind in before:
        assert states(row, kind) == {"folded"}
    assert not row.notices.filter(state="due", kind__in=before).exists()


def test_away_for_all_of_it__tells_the_team_alone(world: World) -> None:
    row = world.scheduled()
    viewer = make.person(world.workspace, "viewer")
    with at(row.ends_at + timedelta(days=2)):
        fire()
        assert sent_of(world) == ["missed"]
        assert not Delivery.objects.filter(user=viewer).exists()
        assert following(again(row), world.actor).label.startswith("Give it another time")
        later = {name: value + timedelta(days=28) for name, value in world.span().items()}
        services.reschedule(again(row), actor=world.actor, reason="We were away.", **later)
    assert states(row, "week") == {"due"}


def test_moved__who_was_told_is_told_once(world: World) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    row = world.sign_window(row)
    later = {name: value + timedelta(days=7) for name, value in world.span().items()}
    row = services.reschedule(row, actor=world.actor, reason="The supplier is late.", **later)
    row = again(row)
    assert (row.status, row.revision) == ("announced", 2)
    assert there(row.approval).status == "void"
    assert states(row, "week", revision=1) == {"void"}
    assert sent_of(world) == ["planned", "correction"]
    told = Notification.objects.get(kind="maintenance.correction")
    assert "The supplier is late." in told.body
    with at(row.starts_at - timedelta(days=7)):
        fire()
    assert sent_of(world) == ["planned", "correction", "week"]
    assert states(row, "planned") == {"folded"}


def test_moved__nobody_got_the_correction__is_missing(world: World) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    later = {name: value + timedelta(days=7) for name, value in world.span().items()}
    row = services.reschedule(row, actor=world.actor, reason="Later.", **later)
    assert standing.unsaid(row)[0] == []
    Delivery.objects.filter(notification__kind="maintenance.correction").update(state="dead")
    assert standing.unsaid(again(row))[0] == ["Its time changed"]


def test_moved_close__correction_says_what_is_due(world: World) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    soon = {name: value - timedelta(days=14) for name, value in world.span().items()}
    if soon["starts_at"] <= clock.now():
        soon = {name: value + timedelta(days=7) for name, value in soon.items()}
    services.reschedule(row, actor=world.lead, reason="Sooner.", override="All were asked.", **soon)
    assert sent_of(world) == ["planned", "correction"]
    assert states(row, "planned") == {"folded"}


def test_moved_before_anybody_knew__nobody_is_told(world: World) -> None:
    row = world.scheduled(**world.span(weeks=2))
    services.reschedule(row, actor=world.actor, reason="Better so.", **world.span(weeks=3))
    assert sent_of(world) == []


def test_cancelled__only_who_was_told_is_told(world: World) -> None:
    quietly = services.cancel(world.scheduled(), actor=world.actor, reason="Not needed.")
    assert (quietly.status, sent_of(world)) == ("cancelled", [])
    row = services.announce(world.scheduled(), actor=world.actor)
    services.cancel(row, actor=world.actor, reason="Not needed.")
    assert sent_of(world) == ["planned", "cancelled"]
    with at(row.starts_at):
        fire()
    assert sent_of(world) == ["planned", "cancelled"]


def test_channels__people_inbox_and_chat(world: World) -> None:
    chat = news.create_channel(
        world.workspace, actor=make.JOB, name="ops", kind=Channel.Kind.SLACK,
        secret="https://hooks.example.org/x",
    )  # fmt: skip
    row = services.announce(world.scheduled(), actor=world.actor)
    said = dict(row.notices.filter(kind="planned").values_list("channel", "state"))
    assert said.pop("status") == "nowhere"  # there is no such page
    assert set(said.values()) == {"sent"}
    sent = Notification.objects.get(kind="maintenance.planned")
    methods = sent.deliveries.values_list("method", flat=True)
    assert set(methods) == {"email", "inbox", "channel"}
    # Given up everywhere: then nobody was told, and it stands in the way of the start.
    Delivery.objects.filter(notification=sent, channel=chat).update(state="dead")
    assert standing.unsaid(again(row))[0] == ["Planned by chat"]


def test_emergency_users_notice_after_all__are_told_at_once(world: World) -> None:
    viewer = make.person(world.workspace, "viewer")
    row = world.emergency(user_facing=False)
    mine = Delivery.objects.filter(method="email", user=viewer)
    assert not mine.exists()
    assert standing.unsaid(row) == ([], [])
    row = services.change_window(row, actor=world.actor, user_facing=True)
    assert mine.get().notification.kind == "maintenance.planned"
    assert not Delivery.objects.filter(
        notification=mine.get().notification, user=world.watcher()
    ).exists()  # the team knows
    assert standing.unsaid(again(row)) == ([], [])
    services.change_window(again(row), actor=world.actor, user_facing=False)
    services.change_window(again(row), actor=world.actor, user_facing=True)
    assert mine.count() == 1
    services.start(world.sign_window(row), actor=world.actor)
    assert mine.count() == 2
    assert row.notices.get(kind="start", channel="email").state == "sent"


def test_emergency_laid_out_for_the_team__owes_users_theirs(world: World) -> None:
    row = world.emergency(user_facing=False)
    row.user_facing = True
    assert standing.unsaid(row)[0] == ["Planned by e-mail"]


def test_notice_that_comes_too_late__is_missing_until_it_is_waived(world: World) -> None:
    row = world.sign_window(services.announce(world.scheduled(), actor=world.actor))
    with at(row.starts_at - timedelta(hours=1)):
        fire()
        said = standing.unsaid(again(row))[0]
        assert said == [
            "7 days before, which left 60 min before", "24 hours before, which left 60 min before",
        ]  # fmt: skip
    with at(row.starts_at):
        with pytest.raises(GateNotMet, match="left 60 min before"):
            services.start(again(row), actor=world.actor)
        services.waive(again(row), actor=world.lead, rule="notices", reason="All were called.")
        assert services.start(again(row), actor=world.actor).status == "in_progress"


def test_notice_that_comes_a_little_late__was_in_time(world: World) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    for hours in (24 * 4, 13):
        with at(row.starts_at - timedelta(hours=hours)):
            fire()
    assert standing.unsaid(again(row)) == ([], [])


def test_status_page__says_whether_there_is_one(world: World, monkeypatch: Any) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    cells = dict(shown.notices(again(row))[0]["cells"])
    assert cells["Status page"]["words"] == "no status page"
    assert cells["Banner"]["words"] == "sent"
    monkeypatch.setitem(places.PLACES, "status", lambda window: window.user_facing)
    soon = world.emergency(title="Close the other hole", services=[world.service("mail")])
    assert Notice.objects.get(window=soon, kind="planned", channel="status").state == "sent"


def test_banner__while_announced_and_under_way(world: World) -> None:
    asked = (world.actor, world.workspace.pk)
    row = world.scheduled()
    assert banner.texts(*asked) == []
    row = services.announce(row, actor=world.actor)
    [text] = banner.texts(*asked)
    assert (text.tone, "02:00" in text.text, "API" in text.text) == ("info", True, True)
    with at(row.ends_at):  # it never began
        assert banner.texts(*asked) == []
    row = world.sign_window(row)
    with at(row.starts_at):
        world.begun(row)
        assert banner.texts(*asked)[0].tone == "warn"
        services.finish(again(row), actor=world.actor)
        assert banner.texts(*asked) == []
    assert banner.texts(World().actor, None) == []


def test_banner__of_many__counts_those_it_does_not_name(world: World) -> None:
    for number in range(4):
        row = world.emergency(title=f"Hole {number}", services=[world.service(f"s{number}")])
        services.start(world.sign_window(row), actor=world.actor)
    texts = banner.texts(world.actor, world.workspace.pk)
    assert [text.text for text in texts][2:] == ["2 more go on."]
    assert make.client(world.manager).get(texts[2].link).status_code == 200


def test_emergency__begins_before_its_time__owes_nothing(world: World) -> None:
    soon = {"starts_at": clock.now() + timedelta(days=3)}
    soon["ends_at"] = soon["starts_at"] + timedelta(hours=1)
    row = world.sign_window(world.emergency(**soon))
    assert states(row, "day") == {"due"}
    services.start(row, actor=world.actor)
    assert states(row, "day") == {"folded"}
    with at(soon["starts_at"]):
        fire()
    assert sent_of(world) == ["emergency", "emergency", "planned", "start"]


# --- Silences of any length: none skipped, none doubled ------------------------------------------


@given(st.lists(st.integers(-3 * 24, 40 * 24), min_size=1, max_size=12))
def test_any_silences__each_kind_is_said_once_or_folded_once(hours: list[int]) -> None:
    """Awake at these hours after it was scheduled, 30 days ahead."""
    scheduled = START - timedelta(days=30)
    times = plans.notice_times(START, START + timedelta(hours=2), scheduled)
    left = {kind: times[kind] for kind in plans.AHEAD}
    said: list[str] = []
    for hour in sorted(hours):
        now = scheduled + timedelta(hours=hour)
        saying = plans.say_now(left.items(), now)
        if saying is None:
            continue
        for kind in (*saying.folded, saying.kind):
            assert left.pop(kind) <= now
            said.append(kind)
        assert (saying.late_since is not None) == (now - times[saying.kind] > timedelta(minutes=15))
    last = scheduled + timedelta(hours=max(hours))
    assert said == [kind for kind in plans.AHEAD if times[kind] <= last]


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each rolls back by itself
)
@given(st.lists(st.integers(0, 18 * 24), min_size=1, max_size=6))
def test_any_downtime__rows_and_messages_agree(world: World, hours: list[int]) -> None:
    from django.db import transaction

    with transaction.atomic():
        row = world.scheduled()
        base = clock.now()
        for hour in sorted(hours):
            with at(base + timedelta(hours=hour)):
                fire()
        last = base + timedelta(hours=max(hours))
        rows = Notice.objects.filter(window=row, kind__in=plans.AHEAD, channel="email")
        for notice in rows:
            assert (notice.state == "due") == (notice.due_at > last), notice.kind
        assert sorted(kind for kind in sent_of(world) if kind in plans.AHEAD) == sorted(
            notice.kind for notice in rows if notice.state in {"sent", "late"}
        )
        transaction.set_rollback(True)
