"""Service accounts: programs with the scopes of their keys. They lead nobody, and nothing on this
machine is started or typed into because one of them says so."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.credentials import authenticate_bearer
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from missions.threads import services
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db
WHY = "human_override: because I say so"


@settled.once
def talk() -> Talk:
    return Talk()


@settled.once
def service(talk: Talk) -> Actor:
    return _of(talk)


def _of(talk: Talk) -> Actor:
    found = authenticate_bearer(f"Bearer {make.key(make.agent(talk.workspace, role=''))[1]}", "")
    assert found.kind == "service"
    return found


def test_service__writes_and_falls_silent_where_agents_do(talk: Talk, service: Actor) -> None:
    assert talk.post(service).seq == 1
    services.update_status(talk.thread, "blocked", actor=talk.operator, reason="Wait.")
    with pytest.raises(Conflict, match="blocked"):
        talk.post(service)
    assert talk.post(talk.operator).seq == 3


def test_service__overrides_nothing(talk: Talk, service: Actor) -> None:
    with pytest.raises(NotAllowed) as refused:
        services.update_status(talk.thread, "closed", actor=service, reason=WHY)
    assert refused.value.error_code == "INSUFFICIENT_AUTHORITY"
    done = services.update_status(talk.thread, "closed", actor=talk.operator, reason=WHY)
    assert done.status == "closed"


@pytest.mark.parametrize("adapter", ["tmux", "command"])
def test_service__registers_nothing_of_this_machine(
    talk: Talk, service: Actor, adapter: str
) -> None:
    given: dict[str, Any] = {"runtime": "codex", "adapter": adapter, "target": "agents:0.0"}
    with pytest.raises(NotAllowed) as refused:
        services.register_runtime(talk.reviewer, "s1", actor=service, **given)
    assert refused.value.error_code == "INSUFFICIENT_AUTHORITY"
    row = services.register_runtime(talk.reviewer, "s1", actor=talk.operator, **given)
    assert row.adapter == adapter


def test_service_of_a_stranger__finds_nothing(talk: Talk) -> None:
    stranger = _of(Talk(make.workspace()))
    with pytest.raises(NotAllowed) as refused:
        talk.post(stranger)
    assert refused.value.error_code == "WORKSPACE_MISMATCH"
