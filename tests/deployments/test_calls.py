"""Steps that call: a signed webhook to a pipeline, a look at a health address."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock, sealed, signatures
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.notify.models import OutboxMessage
from deployments import services
from deployments.models import Adapter, Deployment, Step, StepAttempt
from deployments.steps import worker
from deployments.steps.kinds import SEALED_FOR
from tests import make
from tests.kit.deployments import World, again, steps
from tests.kit.receivers import Receiver, http_receiver
from tests.kit.settled import once

pytestmark = pytest.mark.django_db
BROKEN = "token=abcdef" + "123456789"


@once
def world() -> World:
    return World()


@once
def deployment(world: World) -> Deployment:
    return world.started()


@pytest.fixture
def pipeline(settings: Any) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


def perform(step: Step) -> str:
    sent: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: sent.append((pk, token)))
    assert [pk for pk, _ in sent] == [step.pk]
    return worker.perform(*sent[0])


def fresh(step: Step) -> Step:
    return Step.objects.get(pk=step.pk)


def secret_of(adapter: Adapter) -> bytes:
    return sealed.unseal(adapter.secret, SEALED_FOR).encode()


class TestHook:
    def asked(self, world: World, row: Deployment, url: str, **given: Any) -> tuple[Step, Adapter]:
        adapter = world.adapter(kind="hook", url=url, **given)
        step = services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
        return step, adapter

    def test_call__is_signed_and_made_once(
        self, world: World, deployment: Deployment, pipeline: Receiver
    ) -> None:
        step, adapter = self.asked(world, deployment, f"{pipeline.url}/deploy")
        assert perform(step) == "done"
        assert worker.dispatch(lambda pk, token: None) == 0
        [call] = pipeline.received
        assert signatures.verify(secret_of(adapter), call.body, call.headers)
        assert not signatures.verify(secret_of(adapter), call.body + b" ", call.headers)
        assert not signatures.verify(b"another", call.body, call.headers)
        told = call.json()
        assert (told["deployment"], told["release"]) == (deployment.ref, "4.2.0")
        assert (told["step"], told["attempt"]) == (str(step.uid), 1)
        assert call.headers["Idempotency-Key"] == f"{step.uid}:1"
        assert fresh(step).outcome == "The pipeline answered 200."

    @pytest.mark.parametrize("status", [301, 307, 404, 500, 503])
    def test_anything_but_yes__fails_and_is_not_tried_again(
        self, world: World, deployment: Deployment, pipeline: Receiver, status: int
    ) -> None:
        pipeline.will_answer(status, b"no", Location=f"{pipeline.url}/elsewhere")
        step, _ = self.asked(world, deployment, f"{pipeline.url}/deploy")
        assert perform(step) == "failed"
        assert [call.path for call in pipeline.received] == ["/deploy"]  # no redirect is followed
        assert f"answered {status}" in fresh(step).outcome
        assert worker.bury() + worker.dispatch(lambda pk, token: None) == 0
        assert again(deployment).status == "deploying"

    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.7/deploy",
            "http://[::1]:9/deploy",
            "http://localhost:9/deploy",
        ],
    )
    def test_address_of_our_own_network__is_not_called(
        self, world: World, deployment: Deployment, url: str
    ) -> None:
        step, _ = self.asked(world, deployment, url)
        assert perform(step) == "failed"
        assert "not on the allow list" in fresh(step).outcome

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "http://a:b@example.org/", "ftp://x/"])
    def test_address_of_another_kind__is_no_adapter(self, world: World, url: str) -> None:
        with pytest.raises(Invalid):
            world.adapter(kind="hook", url=url)

    def test_secret__is_shown_once_and_never_told(
        self,
        world: World,
        deployment: Deployment,
        pipeline: Receiver,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        adapter = world.adapter(kind="hook", url=f"{pipeline.url}/deploy")
        secret = secret_of(adapter)
        pipeline.will_answer(200, b"signed with " + secret + b"\n" + BROKEN.encode() + b"\n\0")
        step = services.run_step(steps(deployment)[0], actor=world.actor, adapter=adapter)
        perform(step)
        assert secret not in pipeline.received[0].body
        assert secret.decode() not in json.dumps(pipeline.received[0].headers)
        told = [
            caplog.text,
            repr(list(AuditEvent.objects.values())),
            repr(list(OutboxMessage.objects.values("payload"))),
            repr(list(Adapter.objects.values())),
            repr(adapter),
        ]
        assert not [text[:80] for text in told if secret.decode() in text]
        assert BROKEN not in fresh(step).output

    def test_echoed_secret__does_not_reach_the_log(
        self, world: World, deployment: Deployment, pipeline: Receiver
    ) -> None:
        adapter = world.adapter(kind="hook", url=f"{pipeline.url}/deploy")
        pipeline.will_answer(500, b"bad signature, expected " + secret_of(adapter))
        step = services.run_step(steps(deployment)[0], actor=world.actor, adapter=adapter)
        perform(step)
        assert secret_of(adapter).decode() not in fresh(step).output
        assert secret_of(adapter).decode() not in StepAttempt.objects.get(step=step).output

    def test_pipeline_that_says_nothing__is_not_waited_for(
        self, world: World, deployment: Deployment, settings: Any
    ) -> None:
        settings.OUTGOING_ALLOW = ["127.0.0.1"]
        with silent() as url:
            step, _ = self.asked(world, deployment, url, timeout_s=1)
            assert perform(step) == "failed"
        assert "did not answer in time" in fresh(step).outcome

    def test_switched_off_in_between__is_not_called(
        self, world: World, deployment: Deployment, pipeline: Receiver
    ) -> None:
        step, adapter = self.asked(world, deployment, f"{pipeline.url}/deploy")
        services.switch_adapter(adapter, actor=world.lead, on=False, reason="Not today.")
        assert perform(step) == "failed"
        assert pipeline.received == []
        assert "switched off" in fresh(step).outcome


class TestReport:
    """202: the pipeline took it and says later how it ended."""

    def taken(self, world: World, row: Deployment, pipeline: Receiver) -> Step:
        pipeline.will_answer(202, b"queued")
        adapter = world.adapter(kind="hook", url=f"{pipeline.url}/deploy")
        step = services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
        assert perform(step) == "waits"
        return fresh(step)

    def report(self, secret: str, **given: Any) -> Any:
        body = json.dumps(
            {
                "repository": "acme/portal", "name": "deploy", "sha": "1f" * 20,
                "status": "completed", "conclusion": "success", **given,
            }
        ).encode()  # fmt: skip
        headers = signatures.sign(secret.encode(), body, clock.now())
        return Client().generic(
            "POST", "/api/v1/ci/results", body, content_type="application/json", headers=headers
        )

    def test_end__of_this_try_ends_it(
        self, world: World, deployment: Deployment, pipeline: Receiver
    ) -> None:
        secret = world.repository().secret
        step = self.taken(world, deployment, pipeline)
        assert step.state == "running"
        late = self.report(secret, step=str(step.uid), attempt=7, conclusion="failure")
        assert (late.status_code, fresh(step).state) == (200, "running")
        assert self.report(secret, step=str(step.uid)).status_code == 400  # which try?
        done = self.report(secret, step=str(step.uid), attempt=1, output=f"ok\n{BROKEN}")
        assert done.status_code == 200
        step = fresh(step)
        assert (step.state, "acme/portal reported success" in step.outcome) == ("done", True)
        assert BROKEN not in step.output

    def test_stranger__ends_nothing(
        self, world: World, deployment: Deployment, pipeline: Receiver
    ) -> None:
        step = self.taken(world, deployment, pipeline)
        secret = World().repository().secret
        refused = self.report(secret, step=str(step.uid), attempt=1)
        assert (refused.status_code, fresh(step).state) == (400, "running")

    def test_after_giving_up__nobody_hears_it(
        self, world: World, deployment: Deployment, pipeline: Receiver
    ) -> None:
        secret = world.repository().secret
        step = self.taken(world, deployment, pipeline)
        services.give_up(again(deployment), actor=world.actor, reason="Too late today.")
        step = fresh(step)
        assert (step.state, step.outcome) == ("failed", "Stopped: it was given up")
        answer = self.report(secret, step=str(step.uid), attempt=1)
        assert "no step waits" in answer.json()["outcome"]
        assert StepAttempt.objects.filter(step=step).count() == 1


class TestHealth:
    @pytest.fixture
    def step(self, world: World, deployment: Deployment) -> Step:
        first, second, health = steps(deployment)
        for each in (first, second):
            services.finish_step(each, actor=world.actor)
        assert health.kind == "health_check"
        return fresh(health)

    def look(self, world: World, step: Step, url: str = "") -> Step:
        if url:
            step = services.set_step(step, actor=world.actor, url=url)
        perform(services.run_step(step, actor=world.actor))
        return fresh(step)

    def test_red__keeps_the_deployment_open(
        self, world: World, step: Step, pipeline: Receiver
    ) -> None:
        pipeline.will_answer(503, b"starting " + BROKEN.encode())
        step = self.look(world, step, f"{pipeline.url}/health")
        assert (step.state, step.outcome) == ("failed", "It answered 503.")
        assert BROKEN not in step.output
        row = again(step.deployment)
        assert row.status == "deploying"
        with pytest.raises(GateNotMet):
            services.steps_done(row, actor=world.actor)
        step = services.try_again(step, actor=world.actor, reason="It was starting.")
        pipeline.will_answer(200, b"ok")
        assert self.look(world, step).state == "done"
        row = again(step.deployment)
        assert row.status == "verifying"
        services.look_at_gates(row)
        assert world.gate(row, "health").state == "passed"
        assert [call.path for call in pipeline.received] == ["/health", "/health"]

    def test_redirect_and_our_own_network__are_not_healthy(
        self, world: World, step: Step, pipeline: Receiver, settings: Any
    ) -> None:
        pipeline.will_answer(302, Location=f"{pipeline.url}/ok")
        assert self.look(world, step, f"{pipeline.url}/health").outcome == "It answered 302."
        assert len(pipeline.received) == 1
        settings.OUTGOING_ALLOW = []
        step = services.try_again(fresh(step), actor=world.actor)
        assert "not on the allow list" in self.look(world, step).outcome

    def test_without_an_address__nothing_is_looked_at(self, world: World, step: Step) -> None:
        with pytest.raises(Conflict, match="no address"):
            services.run_step(step, actor=world.actor)

    def test_skipped__is_not_green(self, world: World, step: Step) -> None:
        services.skip_step(step, actor=world.actor, reason="It has no address.")
        row = again(step.deployment)
        services.look_at_gates(row)
        gate = world.gate(row, "health")
        assert (gate.state, gate.computed) == ("waiting", False)
        with pytest.raises(GateNotMet):
            services.begin_watch(row, actor=world.actor)
        services.tick_gate(gate, actor=world.actor, detail="Signed in and looked.")
        assert services.begin_watch(again(row), actor=world.actor).status == "monitoring"

    def test_stranger__looks_at_nothing(self, world: World, step: Step) -> None:
        for actor in (World().actor, world.someone("viewer"), make.actor(make.person())):
            with pytest.raises(NotAllowed):
                services.run_step(step, actor=actor)


class silent:  # noqa: N801 - used like a function
    """A server that takes calls and says nothing."""

    def __enter__(self) -> str:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.kept: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/deploy"

    def _take(self) -> None:
        try:
            while True:
                self.kept.append(self.listener.accept()[0])
        except OSError:
            return

    def __exit__(self, *error: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in self.kept:
            each.close()
