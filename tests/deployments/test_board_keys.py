"""The four keys from rows: what counts, what does not, and what cannot be said."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.work.models import CheckResult, GithubSource
from deployments.models import Merge
from deployments.overview import changes, dora, kpis, merges
from deployments.overview.keys import keys
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.deployments import SHA, World
from tests.kit.released_before import ago, landed, stopped, undone

pytestmark = pytest.mark.django_db
PAGE = "/admin/deployments/dora/"


@settled.once
def world() -> World:
    return World()


def read(world: World, **given: Any) -> dict[str, dora.Change]:
    found = changes.read(world.place(), ago(days=60), clock.now(), **given)
    return {one.release: one for one in found.changes}


@pytest.fixture
def source(world: World) -> GithubSource:
    found: GithubSource = world.repository().source
    return found


def heard(source: GithubSource, sha: str, at: datetime) -> None:
    CheckResult.objects.create(
        workspace=source.workspace, source=source, kind="check_run", outside_id=f"{sha}{at}",
        name="tests", sha=sha, status="completed", started_at=at, updated_at=at,
    )  # fmt: skip


def test_lead_time__from_cis_first_word_about_this_commit(
    world: World, source: GithubSource
) -> None:
    at = ago(days=3)
    landed(world, "1.0.0", at, commit_sha=SHA[:9])
    landed(world, "1.1.0", at, commit_sha="aa" * 20)
    landed(world, "1.2.0", at)
    heard(source, SHA, at - timedelta(hours=30))
    heard(source, SHA, at - timedelta(hours=20))
    heard(source, "ab" * 20, at - timedelta(hours=90))
    found = read(world)
    assert found["1.0.0"].lead == timedelta(hours=30).total_seconds()
    assert (found["1.1.0"].lead, found["1.2.0"].lead) == (None, None)


def test_failed__rolled_back_given_up_degraded_or_repaired(world: World) -> None:
    landed(world, "1.0.0", ago(days=20))
    undone(world, landed(world, "1.1.0", ago(days=19)), ago(days=18))
    stopped(world, "1.2.0", ago(days=17))
    landed(world, "1.3.0", ago(days=16), verdict="degraded")
    bad = landed(world, "1.4.0", ago(days=15))
    hotfix: dict[str, Any] = {"kind": "hotfix", "previous": bad}
    landed(world, "1.4.1", ago(days=14), hotfix_trigger="outage", **hotfix)
    other = landed(world, "1.5.0", ago(days=13))
    landed(
        world, "1.5.1", ago(days=12), kind="hotfix", hotfix_trigger="vulnerability",
        previous=other,
    )  # fmt: skip
    landed(world, "1.6.0", ago(days=1), status="monitoring")
    found = read(world)
    failed = {name: one.failed for name, one in found.items() if one.failed}
    assert set(failed) == {"1.1.0", "1.2.0", "1.3.0", "1.4.0"}
    assert failed["1.4.0"].startswith("repaired by DEP-")
    assert not found["1.6.0"].judged
    assert not found["1.2.0"].landed
    days = {name: round((one.down or 0) / 86_400) for name, one in found.items() if one.failed}
    # The rollback, nothing to restore, the next that went well, the hotfix.
    assert days == {"1.1.0": 1, "1.2.0": 0, "1.3.0": 2, "1.4.0": 1}
    restored = keys(world.place(), at=clock.now(), weeks=12).figures["restore_time"]
    assert (restored.n, restored.of) == (3, 3)
    assert "was not live" in make.client(world.manager).get(
        f"{PAGE}?of=failure_rate"
    ).content.decode()  # fmt: skip


def test_component_and_environment__only_their_own(world: World) -> None:
    landed(world, "1.0.0", ago(days=3), kinds=("agent",))
    landed(world, "fe-1", ago(days=3), kinds=("frontend",))
    landed(world, "1.1.0", ago(days=2), where="staging")
    assert set(read(world, component=world.component("agent"))) == {"1.0.0"}


def test_few__say_so_and_many__say_a_figure(world: World) -> None:
    for number in range(4):
        landed(world, f"1.{number}.0", ago(days=20 - number))
    found = keys(world.place(), at=clock.now(), weeks=12)
    assert found.figures["failure_rate"].value is None
    landed(world, "2.0.0", ago(days=2))
    found = keys(world.place(), at=clock.now(), weeks=12)
    rate, often = found.figures["failure_rate"], found.figures["frequency"]
    assert (rate.value, rate.n) == (0, 5)
    # Counted from when the first became live, not over weeks before there was anything.
    assert often.value == pytest.approx(5 / (20 / 7), rel=0.01)
    assert found.target == (2, 3)
    assert not found.before


def test_weeks__completed_against_what_is_planned(world: World) -> None:
    at = datetime(2026, 11, 18, 12, tzinfo=clock.now().tzinfo)
    monday = dora.week_of(at)
    for number, days in enumerate((1, 2, 8, 9, 10, 11, 15)):
        landed(world, f"1.{number}.0", monday - timedelta(days=days))
    found = keys(world.place(), at=at, weeks=4)
    assert [week.closed for week in found.weeks] == [1, 4, 2, 0]
    assert found.met == (1, 2)  # the first of them only ended with something live


def test_before_the_first_success__failures_count_and_components_have_their_own_time(
    world: World,
) -> None:
    for number in range(3):
        stopped(world, f"0.{number}.0", ago(days=40 - number))
    for number in range(3):
        landed(world, f"1.{number}.0", ago(days=28 - number), kinds=("agent",))
    landed(world, "fe-1", ago(days=8), kinds=("frontend",))
    found = keys(world.place(), at=clock.now(), weeks=12)
    assert (len(found.figures["failure_rate"].rows), found.figures["failure_rate"].n) == (3, 7)
    young = keys(world.place(), at=clock.now(), weeks=12, component=world.component("frontend"))
    assert young.figures["frequency"].value == pytest.approx(7 / 8, rel=0.02)


def test_questions__as_many_however_many_rows(world: World, source: GithubSource) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            keys(world.place(), at=clock.now(), weeks=12)
            merges.report(world.workspace, ago(days=90), clock.now())
        return len(captured)

    landed(world, "1.0.0", ago(days=50), commit_sha=SHA)
    heard(source, SHA, ago(days=51))
    Merge.objects.create(
        workspace=world.workspace, repository="acme/portal", number=1, title="x",
        commit_sha=SHA, merged_at=ago(days=52),
    )  # fmt: skip
    few = asked()
    for number in range(10):
        row = landed(world, f"2.{number}.0", ago(days=30 - number), commit_sha=SHA)
        undone(world, row, ago(days=29.5 - number))
    assert asked() == few <= 8


def test_key_figures__of_a_week(world: World) -> None:
    monday = dora.week_of(ago(days=10))
    window = (monday, monday + dora.WEEK)
    assert kpis.releases(world.workspace.pk, *window).value is None
    for number in range(4):
        row = landed(world, f"1.{number}.0", monday + timedelta(days=number + 1))
    landed(world, "2.0.0", monday + timedelta(days=1), where="staging")
    undone(world, row, monday + timedelta(days=5))
    told = kpis.releases(world.workspace.pk, *window)
    assert (told.value, told.numerator, told.note) == (3, 3, "planned are 2 to 3 a week")
    failed = kpis.failures(world.workspace.pk, *window)
    assert (failed.value, failed.numerator, failed.denominator) == (25, 1, 4)
    assert kpis.failures(World().workspace.pk, *window).value is None


# --- Merges -------------------------------------------------------------------------------------


def test_merge__kept_when_the_repository_tells_of_it(world: World) -> None:
    payload = {
        "repository": "acme/portal", "number": 12, "title": "Plan twice",
        "commit": SHA, "url": "https://github.com/acme/portal/pull/12",
        "at": ago(days=1).isoformat(),
    }  # fmt: skip
    for number in (12, 12, 2**40):
        signal = Signal(workspace=world.workspace, payload={**payload, "number": number})
        merges.note_merge(signal)
    [row] = Merge.objects.all()
    assert (row.number, row.commit_sha, row.workspace) == (12, SHA, world.workspace)


def test_merges__without_a_staging_deployment__are_told(world: World) -> None:
    for number, days in ((1, 9), (2, 6), (3, 2)):
        Merge.objects.create(
            workspace=world.workspace, repository="acme/portal", number=number, title="x",
            commit_sha=f"{number}".ljust(40, "a"), merged_at=ago(days=days),
        )  # fmt: skip
    landed(world, "1.0.0", ago(days=5), where="staging", commit_sha="2".ljust(40, "a"))
    landed(world, "1.1.0", ago(days=1), where="production", commit_sha="3".ljust(40, "a"))
    report = merges.report(world.workspace, ago(days=30), clock.now())
    assert [one.state for one in report.merges] == ["missing", "deployed", "brought along"]
    page = make.client(world.manager).get(f"{PAGE}?of=merges").content.decode()
    assert "1 of 3 merges" in page
    assert merges.report(World().workspace, ago(days=30), clock.now()).merges == []


def test_merges__of_more_deployments_than_are_read__the_newest_tell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Merge.objects.create(
        workspace=world.workspace, repository="acme/portal", number=1, title="x",
        commit_sha="1".ljust(40, "a"), merged_at=ago(days=9),
    )  # fmt: skip
    for number in range(3):
        sha = ("1" if number == 2 else "9").ljust(40, "a")
        landed(world, f"1.{number}.0", ago(days=8 - number), where="staging", commit_sha=sha)
    monkeypatch.setattr(merges, "MOST", 1)
    report = merges.report(world.workspace, ago(days=30), clock.now())
    assert ([one.state for one in report.merges], report.cut) == (["deployed"], True)


# --- Doors --------------------------------------------------------------------------------------


def test_page__figures_with_their_rows(world: World) -> None:
    for number in range(6):
        row = landed(world, f"1.{number}.0", ago(days=40 - 3 * number))
    undone(world, row, ago(days=24.5))
    page = make.client(world.manager).get(PAGE).content.decode()
    assert "17 %" in page
    assert "1 of 6 failed" in page
    rows = make.client(world.manager).get(f"{PAGE}?of=failure_rate").content.decode()
    assert row.ref in rows
    assert "rolled back" in rows
    week = dora.week_name(dora.week_of(ago(days=40)))
    assert "Week " + week in make.client(world.manager).get(f"{PAGE}?of={week}").content.decode()
    for odd in ("?range=9y&of=x&environment=moon&component=y", "?of=2026-W99"):
        assert make.client(world.manager).get(PAGE + odd).status_code == 200


def test_api__the_same_figures(world: World) -> None:
    for number in range(5):
        landed(world, f"1.{number}.0", ago(days=30 - number))
    api = Api(browser=make.client(world.manager))
    answer = api.get("/api/v1/dora?of=frequency&range=12w")
    told = answer.json()
    assert told["figures"]["failure_rate"]["value"] == 0
    assert told["figures"]["lead_time"]["value"] is None
    assert [row["release"] for row in told["rows"]] == [f"1.{n}.0" for n in range(5)]
    assert sum(week["landed"] for week in told["weeks"]) == 5
    refused(api.get("/api/v1/dora?environment=moon"), "INVALID_ARGUMENT")
    refused(api.get("/api/v1/dora?range=9y"), "INVALID_ARGUMENT")
    refused(Api().get("/api/v1/dora"), "UNAUTHORIZED")
    theirs = Api(browser=make.client(World().manager)).get("/api/v1/dora?of=frequency").json()
    assert theirs["rows"] == []
    assert json.dumps(theirs)
