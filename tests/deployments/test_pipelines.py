"""What a repository says of its own deployments: evidence, and no more."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from typing import Any

import pytest
import time_machine
from django.test import Client

from controlplane.base import signals
from controlplane.lib import clock
from controlplane.lib.errors import GateNotMet
from controlplane.work.models import CheckResult, Comment
from deployments import services
from deployments.models import Deployment
from tests.kit.deployments import SHA, World, again, deliver
from tests.kit.settled import once

pytestmark = pytest.mark.django_db
_numbers = itertools.count()


@once
def world() -> World:
    return World()


@once
def repository(world: World) -> Any:
    return world.repository()


@once
def deployment(world: World) -> Deployment:
    return world.watched()


def github(secret: str, event: dict[str, Any], *, delivery: str = "") -> int:
    body = json.dumps({"repository": {"full_name": "acme/portal"}, **event}).encode()
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "deployment_status",
        "X-GitHub-Delivery": delivery or f"pipeline-{next(_numbers)}",
        "X-Hub-Signature-256": f"sha256={signed}",
    }
    answer = Client().generic(
        "POST", "/api/v1/hooks/github", body, content_type="application/json", headers=headers
    )
    hear()
    return answer.status_code


def hear() -> None:
    signals.work(time.monotonic() + 5)
    deliver()


def said(state: str, **given: Any) -> dict[str, Any]:
    deployment = {"id": 4, "sha": SHA, "ref": "main", "environment": "Staging"}
    return {
        "deployment": {**deployment, **given},
        "deployment_status": {
            "state": state,
            "updated_at": clock.now().isoformat(),
            "log_url": "https://ci.example.org/deploy/4",
        },
    }


def texts(row: Deployment) -> list[str]:
    found = Comment.objects.filter(item=row.item, text__contains="its deployment of")
    return list(found.order_by("pk").values_list("text", flat=True))


def gate(world: World, row: Deployment) -> str:
    return str(world.gate(row, "pipeline").state)


def test_nothing_said__nothing_is_claimed(world: World, deployment: Deployment) -> None:
    services.look_at_gates(deployment)
    assert gate(world, deployment) == "not_applicable"


def test_failure__is_told_and_keeps_it_open__until_a_success(
    world: World, repository: Any, deployment: Deployment
) -> None:
    with time_machine.travel(clock.now(), tick=False) as now:
        now.shift(60)
        event = said("failure")
        assert github(repository.secret, event) == 200
        assert gate(world, deployment) == "failed"
        found = world.gate(deployment, "pipeline")
        assert found.evidence[0]["link"] == "https://ci.example.org/deploy/4"
        assert texts(deployment) == [
            f"acme/portal: its deployment of {SHA[:12]} to Staging failed."
            " https://ci.example.org/deploy/4"
        ]
        with pytest.raises(GateNotMet) as refused:
            services.close(again(deployment), actor=world.actor, reason="Live.", early=True)
        assert "pipeline" in refused.value.details["gates"]
        assert again(deployment).status == "monitoring"
        # Sent again, as the same delivery or another, it is the same news.
        github(repository.secret, event)
        github(repository.secret, event)
        assert len(texts(deployment)) == 1
        now.shift(60)
        github(repository.secret, said("success"))
        assert gate(world, deployment) == "passed"
        assert len(texts(deployment)) == 2
        now.shift(-90)  # an older word comes late
        github(repository.secret, said("error"))
        assert gate(world, deployment) == "passed"
    services.close(again(deployment), actor=world.actor, reason="Live.", early=True)


def test_running__is_waited_for(world: World, repository: Any, deployment: Deployment) -> None:
    github(repository.secret, said("in_progress"))
    services.look_at_gates(deployment)
    assert gate(world, deployment) == "waiting"
    assert texts(deployment) == []


def test_success__starts_verifies_and_closes_nothing(world: World, repository: Any) -> None:
    facts: dict[str, Any] = {"where": "local", "kinds": ("frontend",)}
    waiting = world.approved(release="4.3.0", commit_sha="3c" * 20, **facts)
    started = services.start(
        world.approved(release="4.4.0", commit_sha="4d" * 20, **facts), actor=world.actor
    )
    for row in (waiting, started):
        event = said("success", id=row.pk, sha=row.commit_sha, environment="local")
        github(repository.secret, event)
        assert len(texts(row)) == 1
    assert (again(waiting).status, again(started).status) == ("approved", "deploying")


def test_elsewhere__is_not_its_own(world: World, repository: Any, deployment: Deployment) -> None:
    for number, given in enumerate(
        ({"environment": "production"}, {"environment": "Preview"}, {"sha": "9e" * 20}), start=10
    ):
        github(repository.secret, said("failure", id=number, **given))
    services.look_at_gates(deployment)
    assert (gate(world, deployment), texts(deployment)) == ("not_applicable", [])
    # Nor does it speak for CI: another environment's trouble is no failed check.
    prepared = world.prepared("local")
    CheckResult.objects.filter(kind="check_run").delete()
    services.look_at_gates(prepared)
    assert world.gate(prepared, "ci").state == "waiting"


def test_stranger__says_nothing_of_ours(world: World, deployment: Deployment) -> None:
    other = World().repository()
    github(other.secret, said("failure"))
    assert github("not the secret", said("failure")) == 401
    services.look_at_gates(deployment)
    assert (gate(world, deployment), texts(deployment)) == ("not_applicable", [])
