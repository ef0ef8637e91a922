"""Planning a rollout in the console: what is refused stands beside its field, and what was typed
is still there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from controlplane.lib import clock
from deployments.models import Rollout
from tests import make
from tests.kit import deployments, settled
from tests.kit.rollouts import BASELINE, World, fresh, later

pytestmark = pytest.mark.django_db
LIST = "/admin/deployments/rollout/"
ADD = f"{LIST}add/"
PROMETHEUS = {
    "source": "prometheus",
    "url": "https://prometheus.example.org",
    "token": "t0ken",
    "query_error_rate": 'errors{flag="$flag"}',
}


@settled.once
def world() -> World:
    return World()


@settled.once
def manager(world: World) -> Client:
    return make.client(world.person)


def given(world: World, **more: Any) -> dict[str, Any]:
    return {
        "flag": world.flag.flag_name, "environment": "staging", "preset": "standard",
        "judge": "guarded", "source": "telemetry", "automatic": "on", "do": "save", **more,
    }  # fmt: skip


def wrong(answer: Any) -> dict[str, str]:
    """Each refused field with its sentence; "" for what stands above all."""
    form = answer.context["form"]
    return {("" if name == "__all__" else name): said[0] for name, said in form.errors.items()}


def test_plan__as_typed(world: World, manager: Client) -> None:
    steps = {"percent0": "5", "minutes0": "10", "percent2": "100", "minutes2": "90"}
    own = {"preset": "custom", "max_error_rate": "1.5", "stale_after": "20", "judge": "strict"}
    answer = manager.post(ADD, given(world, title="Slowly", **steps, **own))
    assert answer.status_code == 302, wrong(answer)
    row = Rollout.objects.get()
    assert answer["Location"] == f"{LIST}{row.pk}/change/"
    assert list(row.steps.values_list("percent", "hold_minutes")) == [(5, 10), (100, 90)]
    assert (row.title, row.automatic, row.limits["judge"]) == ("Slowly", True, "strict")
    assert row.limits["max_error_rate"] == pytest.approx(0.015)
    assert row.limits["stale_after"] == 1_200


def test_form__knows_what_the_address_says(world: World, manager: Client) -> None:
    row = deployments.World(world.workspace, world.person).draft("staging")
    asked = f"?flag={world.flag.flag_name}&environment=staging&deployment={row.ref}"
    text = manager.get(ADD + asked).content.decode()
    assert f'value="{world.flag.flag_name}"' in text
    assert re.search(rf'value="{row.ref}" selected', text)
    assert '<option value="staging" selected' in text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"flag": "no-such"}, "flag", "no flag of this name"),
        ({"flag": ""}, "flag", "Name the flag"),
        ({"preset": "custom"}, "steps", "A list of"),
        ({"preset": "custom", "percent1": "50", "minutes1": "5"}, "steps", "100 percent"),
        ({"preset": "custom", "percent2": "100"}, "minutes2", "whole number"),
        ({"preset": "custom", "percent1": "ten", "minutes1": "5"}, "percent1", "whole number"),
        ({"max_error_rate": "70"}, "max_error_rate", "outside"),
        ({"alpha": "much"}, "alpha", "number"),
        ({"source": "impact"}, "source", "Name the metric"),
        ({"source": "impact", "impact_latency": "took"}, "impact_errors", "failed requests"),
        ({**PROMETHEUS, "url": "ftp://x"}, "url", "http"),
        ({**PROMETHEUS, "query_error_rate": ""}, "query_requests", "object of queries"),
        ({**PROMETHEUS, "token": "sealed:abc"}, "token", "The token itself"),
        ({"source": "guesses"}, "source", "valid choice"),
        ({"title": "a" * 201}, "title", "200"),
    ],
)
def test_what_is_wrong__stands_beside_its_field(
    world: World, manager: Client, typed: dict[str, str], field: str, sentence: str
) -> None:
    answer = manager.post(ADD, given(world, **typed))
    assert answer.status_code == 400
    assert sentence in wrong(answer)[field]
    assert not Rollout.objects.exists()


def test_deployment_of_another_environment__is_refused(world: World, manager: Client) -> None:
    around = deployments.World(world.workspace, world.person)
    row = around.draft("production")
    answer = manager.post(ADD, given(world, deployment=row.ref))
    assert "goes to Production, not to Staging" in wrong(answer)["deployment"]
    mine = around.draft("staging", release="4.3.0", flag=world.make("another"))
    answer = manager.post(ADD, given(world, deployment=mine.ref))
    assert "another flag" in wrong(answer)["deployment"]


def test_second_of_a_flag__is_refused_above_all(world: World, manager: Client) -> None:
    world.plan()
    answer = manager.post(ADD, given(world))
    assert (answer.status_code, wrong(answer)[""]) == (
        409,
        "This flag has a rollout there already.",
    )


# --- Changing it ---------------------------------------------------------------------------------


def test_change__steps_and_their_items_source_and_baseline(world: World, manager: Client) -> None:
    row = world.ready()
    address = f"{LIST}{row.pk}/plan/"
    assert "Save the plan" in manager.get(address).content.decode()
    typed = given(world, preset="custom", source="telemetry", version=row.version)
    steps = {"percent0": "20", "minutes0": "60", "percent1": "100", "minutes1": "60"}
    answer = manager.post(address, {**typed, **steps})
    assert answer.status_code == 302, wrong(answer)
    row = fresh(row)
    planned = row.steps.select_related("item").order_by("position")
    assert [(each.percent, each.hold_minutes) for each in planned] == [(20, 60), (100, 60)]
    assert row.item is not None
    items = row.item.children.order_by("pk").values_list("title", "category")
    assert list(items) == [
        (f"{row.ref}: 20 % for 60 minutes", "active"),
        (f"{row.ref}: 100 % for 60 minutes", "active"),
        (f"{row.ref}: 100 % for 60 minutes", "done"),  # the third of three
    ]
    # What was posted is no baseline for the portal's telemetry.
    assert row.baseline is None
    assert row.slow_ms is None


def test_change__with_another_ratio__is_slow_from_elsewhere(world: World, manager: Client) -> None:
    row = world.ready()
    typed = given(world, source="posted", max_latency_ratio="3", version=row.version)
    assert manager.post(f"{LIST}{row.pk}/plan/", typed).status_code == 302
    assert fresh(row).slow_ms == 3 * BASELINE["p95_ms"]


def test_change__of_what_somebody_changed_meanwhile_or_began(world: World, manager: Client) -> None:
    row = world.ready()
    typed = given(world, source="posted", version=row.version - 1)
    answer = manager.post(f"{LIST}{row.pk}/plan/", typed)
    assert (answer.status_code, "Somebody changed it" in wrong(answer)[""]) == (409, True)
    running = world.running(flag=world.make("second"))
    answer = manager.post(f"{LIST}{running.pk}/plan/", given(world, version=running.version))
    assert "It has begun" in wrong(answer)[""]


def test_token__is_kept_for_its_server_and_no_other(world: World, manager: Client) -> None:
    assert manager.post(ADD, given(world, **PROMETHEUS)).status_code == 302
    row = Rollout.objects.get()
    kept = row.asking["token"]
    assert kept
    assert "t0ken" not in kept
    address = f"{LIST}{row.pk}/plan/"
    assert kept not in manager.get(address).content.decode()
    silent = {**PROMETHEUS, "token": ""}
    manager.post(address, given(world, version=row.version, title="Same", **silent))
    row = fresh(row)
    assert (row.title, row.asking["token"]) == ("Same", kept)
    elsewhere = {**silent, "url": "https://elsewhere.example.org"}
    manager.post(address, given(world, version=row.version, **elsewhere))
    assert fresh(row).asking["token"] == ""


# --- Trying and posting --------------------------------------------------------------------------


def test_try__shows_what_is_answered_now_and_keeps_nothing(world: World, manager: Client) -> None:
    world.send(7, answer="on", at=clock.now())
    world.send(5, answer="off", at=clock.now())
    with later(3):
        answer = manager.post(ADD, given(world, do="try"))
    assert answer.status_code == 200
    tried = answer.context["tried"]
    assert (tried.reading.figures.n, tried.reading.figures.others) == (7, 5)
    assert "What it answers now" in answer.content.decode()
    assert not Rollout.objects.exists()


def test_figures__of_what_is_read_elsewhere__are_not_typed_in(
    world: World, manager: Client
) -> None:
    row = world.plan(source="telemetry")
    address = f"{LIST}{row.pk}/figures/"
    assert "reads its figures itself" in manager.get(address).content.decode()
    answer = manager.post(address, {"requests": "9", "p95_ms": "1000000000"})
    assert answer.status_code == 400
    assert fresh(row).baseline is None


def test_try__of_an_address_that_is_not_called__says_why(world: World, manager: Client) -> None:
    for url in ("http://127.0.0.1:9090", "http://169.254.169.254"):
        typed = given(world, do="try", **{**PROMETHEUS, "url": url})
        tried = manager.post(ADD, typed).context["tried"]
        assert tried.reading is None
        assert tried.trouble
        assert tried.baseline is None or tried.baseline_trouble or not tried.baseline.requests


def test_figures__typed_in_are_judged(world: World, manager: Client) -> None:
    row = world.plan()
    address = f"{LIST}{row.pk}/figures/"
    typed = {"requests": "1000", "error_rate": "0.5", "p95_ms": "200"}
    assert manager.post(address, typed).status_code == 302
    row = fresh(row)
    assert row.slow_ms == 400
    assert row.baseline is not None
    assert row.baseline.figures["error_rate"] == pytest.approx(0.005)
    world.start(row)
    refused = manager.post(address, {"n": "5", "errors_": "6"})
    assert wrong(refused)["errors_"] == "More than there were requests with the flag (n)."
    assert "Say how many" in str(wrong(manager.post(address, {})))
    assert manager.post(address, {"n": "900", "errors_": "300"}).status_code == 302
    assert fresh(row).status == "rolled_back"
    assert "takes no figures" in manager.get(address).content.decode()


def test_p95_that_is_posted_without_a_count__is_held_against_the_baseline(world: World) -> None:
    rollout = world.running()
    rollout = world.post(rollout, n=100, p95_ms=350.0)
    assert rollout.status == "running"
    assert world.post(rollout, n=100, p95_ms=401.0).status == "rolled_back"


def test_strangers__plan_nothing(world: World) -> None:
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(ADD, given(world)).status_code == 403
    stranger = make.client(World().person)
    answer = stranger.post(ADD, given(world, flag="only-here"))
    assert answer.status_code in (400, 404)
    world.make("only-here")
    answer = stranger.post(ADD, given(world, flag="only-here"))
    assert wrong(answer)["flag"] == "There is no flag of this name here."
