"""Rollouts through the API: the canary playbook from its plan to its end, and who may."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib import clock
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.rollouts import BASELINE, World, later

pytestmark = pytest.mark.django_db
PATH = "/api/v1/rollouts"
CAN = f"{PATH}/CAN-1"


@settled.once
def world() -> World:
    return World()


@settled.once
def manager(world: World) -> Api:
    return Api(browser=make.client(world.person))


def says(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def planned(world: World, manager: Api, **more: Any) -> Any:
    given = {"flag": world.flag.flag_name, "environment": "staging", "source": "posted", **more}
    return manager.post(PATH, given)


def test_playbook__planned_started_judged_gone_through(world: World, manager: Api) -> None:
    made = says(planned(world, manager), 201)
    assert (made["ref"], made["status"], made["item"] != "") == ("CAN-1", "planned", True)
    refused(planned(world, manager), "CONFLICT")
    refused(manager.post(f"{CAN}/start", {}), "INVALID_TRANSITION")
    based = says(manager.post(f"{CAN}/baseline", BASELINE))
    assert (based["status"], based["slow_ms"]) == ("baseline_taken", 400)
    started = says(manager.post(f"{CAN}/start", {}))
    assert [each["state"] for each in started["steps"]] == ["running", "pending", "pending"]
    told = says(manager.post(f"{CAN}/figures", {"n": 500, "errors": 1}))
    assert (told["steps"][0]["verdict"], told["steps"][0]["rule"]) == ("keep", "dwell")
    assert told["steps"][0]["numbers"]["errors"]["count"] == 1
    early = manager.post(f"{CAN}/promote", {"step": 1})
    assert refused(early, "GATE_NOT_MET")["conditions"]
    with later(31):
        manager = Api(browser=make.client(world.person))
        assert says(manager.post(f"{CAN}/promote", {"step": 1}))["steps"][1]["state"] == "running"
        refused(manager.post(f"{CAN}/promote", {"step": 1}), "GATE_NOT_MET")
        says(manager.post(f"{CAN}/pause", {"reason": "Lunch."}))
        says(manager.post(f"{CAN}/resume", {}))
    manager = Api(browser=make.client(world.person))
    events = says(manager.get(f"{CAN}/events"))["items"]
    assert [each["what"] for each in events][:3] == ["resumed", "paused", "began"]
    samples = says(manager.get(f"{CAN}/samples"))["items"]
    assert [(each["n"], each["errors"]) for each in samples] == [(500, 1)]
    listed = says(manager.get(f"{PATH}?status=running&flag={world.flag.flag_name}"))["items"]
    assert [each["ref"] for each in listed] == ["CAN-1"]


def test_try__tells_people_by_their_number(world: World, manager: Api) -> None:
    ref = world.plan(source="telemetry").ref
    world.send(people=range(3), at=clock.now())
    world.send(people=range(3, 9), answer="off", at=clock.now())
    with later(3):
        figures = says(manager.post(f"/api/v1/rollouts/{ref}/try", {}))["figures"]
    assert (figures["n"], figures["on"], figures["off"]) == (3, 3, 6)
    assert "people" not in figures


def test_promote__before_its_time__names_the_step_and_goes_on_once(
    world: World, manager: Api
) -> None:
    world.running()
    refused(manager.post(f"{CAN}/promote", {"override": "Now."}), "INVALID_ARGUMENT")
    asked = {"override": "Now.", "step": 1}
    says(manager.post(f"{CAN}/promote", asked))
    refused(manager.post(f"{CAN}/promote", asked), "GATE_NOT_MET")


def test_figures__beyond_a_limit__rolled_back_in_the_answer(world: World, manager: Api) -> None:
    world.running()
    told = says(manager.post(f"{CAN}/figures", {"n": 100, "errors": 60}))
    assert (told["status"], told["steps"][0]["state"]) == ("rolled_back", "failed")
    refused(manager.post(f"{CAN}/figures", {"n": 1}), "INVALID_TRANSITION")
    refused(manager.post(f"{CAN}/promote", {}), "INVALID_TRANSITION")


def agent_key(world: World, name: str, *scopes: str) -> Api:
    agent = make.agent(world.workspace, role="", name=name, kind="service")
    return Api(make.key(agent, scopes=scopes)[1])


def test_figures__of_agents_only_the_one_that_the_plan_names(world: World, manager: Api) -> None:
    pipeline = agent_key(world, "pipeline", "rollout.report", "rollout.view")
    other = agent_key(world, "other", "rollout.*", "flag.*")
    made = says(planned(world, manager, reporter="Pipeline"), 201)
    assert made["reporter"].startswith("agent:")
    says(manager.post(f"{CAN}/baseline", BASELINE))
    says(manager.post(f"{CAN}/start", {}))
    refused(other.post(f"{CAN}/figures", {"n": 9, "errors": 9}), "FORBIDDEN")
    # Nor does it put itself in the other's place.
    refused(other.send("PATCH", CAN, {"reporter": "other"}), "FORBIDDEN")
    refused(other.send("PATCH", CAN, {"reporter": ""}), "FORBIDDEN")
    assert says(manager.get(CAN))["status"] == "running"
    says(pipeline.post(f"{CAN}/figures", {"n": 100}))
    says(manager.post(f"{CAN}/figures", {"n": 100}))
    # A person hands it on, while it runs.
    changed = says(manager.send("PATCH", CAN, {"reporter": "other"}))
    assert changed["reporter"] != made["reporter"]
    refused(pipeline.post(f"{CAN}/figures", {"n": 1}), "FORBIDDEN")
    says(other.post(f"{CAN}/figures", {"n": 100}))
    says(manager.send("PATCH", CAN, {"reporter": ""}))
    refused(other.post(f"{CAN}/figures", {"n": 1}), "FORBIDDEN")
    decided = says(manager.get(f"{CAN}/events"))["items"]
    assert [each["what"] for each in decided].count("figures") == 3


def test_reporter__an_agent_that_plans_posts_for_itself(world: World, manager: Api) -> None:
    pipeline = agent_key(world, "pipeline", "rollout.*", "flag.*")
    agent_key(world, "other")
    refused(planned(world, pipeline, reporter="other"), "FORBIDDEN")
    assert says(planned(world, pipeline), 201)["reporter"].startswith("agent:")
    says(pipeline.post(f"{CAN}/baseline", BASELINE))
    says(pipeline.post(f"{CAN}/start", {}))
    says(pipeline.post(f"{CAN}/figures", {"n": 100}))


def test_reporter__is_an_agent_from_here_and_of_posted_figures(world: World, manager: Api) -> None:
    elsewhere = World()
    agent_key(elsewhere, "theirs")
    refused(planned(world, manager, reporter="theirs"), "INVALID_ARGUMENT")
    agent_key(world, "ours")
    refused(planned(world, manager, reporter="ours", source="telemetry"), "INVALID_ARGUMENT")
    assert says(planned(world, manager, reporter="ours"), 201)["reporter"]
    changed = says(manager.send("PATCH", CAN, {"source": "telemetry"}))
    assert (changed["source"], changed["reporter"]) == ("telemetry", "")


def test_figures__a_rate_lifts_no_sample(world: World, manager: Api) -> None:
    world.running()
    with later(31):
        told = says(Api(browser=make.client(world.person)).post(f"{CAN}/figures", {"n": 10}))
    assert (told["steps"][0]["rule"], told["status"]) == ("few", "held")
    with later(32):
        given = {"n": 10, "error_rate": 0.0, "latency_ratio": 1.0}
        told = says(Api(browser=make.client(world.person)).post(f"{CAN}/figures", given))
    assert (told["steps"][0]["rule"], told["status"]) == ("few", "held")
    assert "20 requests counted, 150 are needed" in told["steps"][0]["reason"]


def test_figures__of_the_same_moment_count_once(world: World, manager: Api) -> None:
    rollout = world.running()
    step = rollout.steps.get(position=1)
    assert step.started_at is not None
    at = step.started_at.isoformat()
    says(manager.post(f"{CAN}/figures", {"n": 10, "at": at}))
    refused(manager.post(f"{CAN}/figures", {"n": 10, "at": at}), "CONFLICT")
    refused(manager.post(f"{CAN}/figures", {"n": 10, "at": "2020-01-01T00:00:00Z"}), "CONFLICT")


def test_rollback__by_hand_and_a_new_plan(world: World, manager: Api) -> None:
    world.running()
    refused(manager.post(f"{CAN}/rollback", {}), "INVALID_ARGUMENT")
    assert says(manager.post(f"{CAN}/rollback", {"reason": "Users complain."}))["outcome"]
    assert says(planned(world, manager), 201)["ref"] == "CAN-2"
    says(manager.post(f"{PATH}/CAN-2/cancel", {"reason": "Not now."}))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"n": -1},
        {"n": 1, "errors": 2},
        {"n": "many"},
        {"error_rate": 2},
        {"error_rate": "NaN"},
        {"n": 1, "colour": "red"},
        {"n": 10**30},
        {"latency_ratio": 1e400},
    ],
)
def test_figures__that_make_no_sense_are_refused(
    world: World, manager: Api, wrong: dict[str, Any]
) -> None:
    world.running()
    body = str(wrong).replace("'", '"').encode() if wrong.get("latency_ratio") else None
    if body:
        answer = manager.raw("POST", f"{CAN}/figures", body)
    else:
        answer = manager.post(f"{CAN}/figures", wrong)
    refused(answer, "INVALID_ARGUMENT")


def test_change__of_what_another_changed__is_refused(world: World, manager: Api) -> None:
    made = says(planned(world, manager), 201)
    changed = says(
        manager.send("PATCH", CAN, {"limits": {"judge": "strict"}, "version": made["version"]})
    )
    assert changed["limits"]["judge"] == "strict"
    late = manager.send("PATCH", CAN, {"automatic": False, "version": made["version"]})
    refused(late, "CONFLICT")
    refused(manager.send("PATCH", CAN, {"limits": {"alpha": 3}}), "INVALID_ARGUMENT")


def test_secret_of_a_source__is_never_shown(world: World, manager: Api) -> None:
    asking = {
        "url": "https://prometheus.example.org",
        "token": "very-secret",
        "queries": {"error_rate": 'errors{flag="$flag"}'},
    }
    made = planned(world, manager, source="prometheus", asking=asking)
    assert "very-secret" not in says(made, 201).__str__()
    assert "token" not in says(manager.get(CAN))["asking"]
    kept = world.flag.rollouts.get().asking["token"]
    assert kept.startswith("sealed:")
    assert "very-secret" not in kept


def test_strangers__see_and_move_nothing(world: World, manager: Api) -> None:
    world.running()
    elsewhere = World()
    stranger = Api(browser=make.client(elsewhere.person))
    for path in (CAN, f"{CAN}/events", f"{CAN}/samples"):
        refused(stranger.get(path), "NOT_FOUND")
    refused(stranger.post(f"{CAN}/rollback", {"reason": "Mine."}), "NOT_FOUND")
    viewer = Api(browser=make.client(make.person(world.workspace, "viewer")))
    says(viewer.get(CAN))
    for way in ("promote", "rollback", "pause", "start", "figures"):
        refused(viewer.post(f"{CAN}/{way}", {"reason": "Mine."}), "FORBIDDEN")
    refused(Api().get(CAN), "UNAUTHORIZED")
    assert world.settings()["on"] is True
    taken = stranger.post(
        PATH, {"flag": world.flag.flag_name, "environment": "staging", "source": "posted"}
    )
    refused(taken, "INVALID_ARGUMENT")
