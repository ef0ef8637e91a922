"""Evaluations per CPU-second in one process, beside the SDK that a Python service would use and
the compiled engine under it, over the same flags and the same people, in turns.

Nobody is asked about twice in a row, and no answer is kept: a figure says what evaluating costs.
All of them must agree about everybody before the clock starts.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from controlplane.base.bench import Row, Run, cpu_and_wall, quiet
from deployments.flags.engine import Ruleset, compile

FLAGS = 50
PEOPLE = 40
UNIT = "evaluations/CPU-s"
SDK, UNDER = "UnleashClient.is_enabled", "yggdrasil check_enabled"
REGIONS = ("eu", "us", "apac", "latam")

Question = tuple[str, dict[str, Any]]
Ask = Callable[[str, dict[str, Any]], bool]


def measure(run: Run) -> Iterator[Row]:
    people = _people(run.rng)
    few = [_only(context, "region") for context in people]
    usual = {"version": 2, "features": [_usual(number) for number in range(FLAGS)], "segments": []}
    yield from _beside(run, f"is_enabled, {FLAGS} flags of one rule", usual, few)
    yield from _beside(run, f"is_enabled, {FLAGS} flags of mixed rules", _mixed(), people)


def _beside(
    run: Run, figure: str, document: dict[str, Any], people: Sequence[dict[str, Any]]
) -> Iterator[Row]:
    ours, oracle = compile(document), _under(document)
    names = ours.names()
    questions = [(name, context) for context in people for name in names]
    with quiet(), _sdk(document, figure) as sdk:
        _agree(questions, ours.is_enabled, oracle, sdk)
        works = [
            _all(questions, ours.is_enabled),
            _all(questions, ours.decide),
            _in_bulk(ours, people),
            _all(questions, oracle),
            _all(questions, sdk),
        ]
        found = [len(questions) / cpu * 1000 for cpu, _ in cpu_and_wall(works, run.seconds)]
    on, decided, bulk, under, client = found
    yield Row(figure, on, UNIT, SDK, client)
    yield Row(figure, on, UNIT, UNDER, under)
    told = figure.replace("is_enabled", "decide")
    yield Row(told, decided, UNIT, SDK, client, note="with variant and reason")
    yield Row(told.replace("decide", "decide_all"), bulk, UNIT, SDK, client, note="in one call")


def _all(questions: Sequence[Question], ask: Callable[..., object]) -> Callable[[], object]:
    def work() -> None:
        for name, context in questions:
            ask(name, context)

    return work


def _in_bulk(ours: Ruleset, people: Sequence[dict[str, Any]]) -> Callable[[], object]:
    def work() -> None:
        for context in people:
            ours.decide_all(context)

    return work


def _agree(questions: Sequence[Question], ours: Ask, *others: Ask) -> None:
    for name, context in questions:
        answer = ours(name, context)
        if any(other(name, context) is not answer for other in others):
            raise AssertionError(f"the engines disagree about {name} and {context}")


# --- The others -----------------------------------------------------------------------------------


def _under(document: dict[str, Any]) -> Ask:
    """The engine that the public SDKs are built on, without the counting they do."""
    from yggdrasil_engine.engine import UnleashEngine

    engine = UnleashEngine()
    engine.take_state(json.dumps(document))

    def ask(name: str, context: dict[str, Any]) -> bool:
        return bool(engine.check_enabled(name, context).is_enabled)

    return ask


@contextmanager
def _sdk(document: dict[str, Any], instance: str) -> Iterator[Ask]:
    """The public SDK as a service has it, with its flags there and nobody to call."""
    from UnleashClient.cache import FileCache
    from UnleashClient.clients.unleash_client import UnleashClient

    with tempfile.TemporaryDirectory() as folder:
        cache = FileCache("bench", directory=folder)
        cache.bootstrap_from_dict(document)
        client = UnleashClient(
            "http://127.0.0.1:9/api",
            "bench",
            instance_id=instance,
            refresh_interval=86_400,
            disable_metrics=True,
            disable_registration=True,
            cache=cache,
        )
        client.initialize_client(fetch_toggles=False)
        try:
            yield client.is_enabled
        finally:
            client.destroy()


# --- Flags and people -----------------------------------------------------------------------------


def _people(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "userId": f"user-{rng.randrange(10**6)}",
            "properties": {
                "region": rng.choice(REGIONS),
                "tier": str(rng.randrange(1, 5)),
                "version": f"1.{rng.randrange(12)}.{rng.randrange(5)}",
                "email": f"person{rng.randrange(1000)}@{rng.choice(('example.org', 'acme.test'))}",
            },
        }
        for _ in range(PEOPLE)
    ]


def _only(context: dict[str, Any], field: str) -> dict[str, Any]:
    return {**context, "properties": {field: context["properties"][field]}}


def _rollout(
    name: str, percent: int, constraints: list[dict[str, Any]], segments: Sequence[int] = ()
) -> dict[str, Any]:
    return {
        "name": "flexibleRollout",
        "parameters": {"rollout": str(percent), "stickiness": "default", "groupId": name},
        "constraints": constraints,
        "segments": list(segments),
    }


def _feature(name: str, *strategies: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "enabled": True, "strategies": list(strategies), **more}


def _usual(number: int) -> dict[str, Any]:
    """Half of the people in two regions."""
    name = f"flag-{number}"
    return _feature(name, _rollout(name, 50, [_where("region", "IN", values=["eu", "us"])]))


def _mixed() -> dict[str, Any]:
    """What an environment grows into: lists, segments, versions, numbers, texts, prerequisites."""
    segment = {"id": 1, "name": "paying", "constraints": [_where("tier", "NUM_GTE", value="3")]}
    features = []
    for number in range(FLAGS):
        name = f"flag-{number}"
        listed = {"name": "userWithId", "parameters": {"userIds": f"user-1, user-{number}"}}
        denied = _where("userId", "NOT_IN", values=[f"user-{number + 1000}"])
        kinds: tuple[list[dict[str, Any]], ...] = (
            [listed, _rollout(name, 10, [denied], [1])],
            [_rollout(name, 50, [_where("version", "SEMVER_GTE", value="1.6.0")])],
            [_rollout(name, 100, [_where("email", "STR_ENDS_WITH", values=["@acme.test"])])],
            [_rollout(name, 25, [_where("region", "IN", values=["eu"])]), listed],
            [],
        )
        needs = [{"feature": "flag-4"}] if number % 10 == 1 else []
        features.append(_feature(name, *kinds[number % len(kinds)], dependencies=needs))
    return {"version": 2, "features": features, "segments": [segment]}


def _where(field: str, operator: str, **told: Any) -> dict[str, Any]:
    return {"contextName": field, "operator": operator, **told}
