"""Runtimes: registered, alive, gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.audit.services import record
from controlplane.jobs import leases
from controlplane.lib import clock, http, sealed
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.lib.given import line, refuse
from missions.threads import numbers
from missions.threads.models import AgentPulse, RuntimeSession, WakeTrigger

SEALED_FOR = "agent-runtime"
_SECRET_LEAST = 16
BUSY_MOST = 3_600  # seconds; the playbook lets typing hold a wake for one minute of them


def agent_of(actor: Actor) -> Agent:
    """The agent that the credentials prove."""
    if actor.kind != "agent" or actor.agent_id is None:
        raise NotAllowed(
            "Only agents have sessions.",
            denial={"actor": actor, "action": "thread.beat", "rule": "agents",
                    "reason": "only agents have sessions"},
        )  # fmt: skip
    return Agent.objects.select_related("workspace").get(pk=actor.agent_id)


@transaction.atomic
def heartbeat(
    session_id: str,
    *,
    actor: Actor,
    runtime: str,
    status: str = "active",
    resumable: bool = False,
    management: str = "unmanaged",
    operator_busy_s: int | None = None,
) -> RuntimeSession:
    """A sign of life of an agent's own session; the first one registers it. It answers whatever
    wake waits for that. An idle session reads nothing by itself: it answers no wake, and what is
    said from then on, or was said behind its back, wakes it at once, unless another session of the
    agent is at work. A runtime that sees a person type says for how many seconds to leave it to
    them; 0: they have stopped."""
    agent = agent_of(actor)
    policy.require(actor, "thread.beat", RuntimeSession(workspace=agent.workspace))
    name = _session_name(session_id, actor)
    values = {
        "runtime": line("runtime", runtime, 60, required=True),
        "status": _choice("status", status, RuntimeSession.Status.values),
        "resumable": bool(resumable),
        "beat_at": clock.now(),
    }
    if operator_busy_s is not None:
        values["operator_busy_until"] = _busy_until(operator_busy_s)
    # How a session is reached was settled when it was registered; a beat doesn't widen it.
    row, made = RuntimeSession.objects.get_or_create(
        workspace=agent.workspace,
        agent=agent,
        session_id=name,
        defaults={**values, "management": _choice("management_mode", management, _MODES)},
    )
    if made:
        record(actor, "thread.runtime", row, after={"runtime": row.runtime, "adapter": "pull"})
    else:
        RuntimeSession.objects.filter(pk=row.pk).update(**values, failures=0)
        row.refresh_from_db()
    if row.status != RuntimeSession.Status.OFFLINE:
        alive(agent.pk)
    if row.status == RuntimeSession.Status.ACTIVE:
        answer_wakes(agent.pk, by="heartbeat")
    else:
        _asleep(agent.pk)
    return row


_MODES = RuntimeSession.Management.values


def _busy_until(seconds: Any) -> Any:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= BUSY_MOST:
        raise refuse("operator_busy_s", f"Seconds, 0 to {BUSY_MOST}.")
    # By the database's clock: whoever wakes compares with that.
    return Now() + timedelta(seconds=seconds) if seconds else None


@transaction.atomic
def hold_for_typing(session: RuntimeSession, seconds: int, *, actor: Actor) -> RuntimeSession:
    """Somebody types there, or is about to: nothing is sent or typed into it meanwhile, as when
    the portal sees them type. 0: they have stopped."""
    policy.require(actor, "thread.pause", session)
    until = _busy_until(seconds)
    row: RuntimeSession = RuntimeSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
    before = row.operator_busy_until
    RuntimeSession.objects.filter(pk=row.pk).update(
        operator_busy_until=until, version=F("version") + 1
    )
    row.refresh_from_db()
    record(
        actor, f"thread.typing{'' if seconds else ':off'}", row,
        before={"operator_busy_until": before},
        after={"operator_busy_until": row.operator_busy_until},
    )  # fmt: skip
    return row


def _session_name(given: str, actor: Actor) -> str:
    name = line("session_id", given or actor.session_id, 128, required=True)
    if actor.session_id and name != actor.session_id:
        raise NotAllowed(
            "session_id: not the one that the token proves.",
            code="CLAIM_MISMATCH",
            denial={"actor": actor, "action": "thread.beat", "rule": "claims",
                    "reason": "names another session than its token"},
        )  # fmt: skip
    return name


def _choice(field: str, value: Any, known: list[str]) -> str:
    if value not in known:
        raise refuse(field, f"One of {', '.join(known)}.")
    return str(value)


def alive(agent_id: int) -> None:
    """The agent showed itself."""
    # By the database's clock: whoever asks whether it is fresh compares with that.
    AgentPulse.objects.bulk_create(
        [AgentPulse(agent_id=agent_id, seen_at=Now(), paced_until=Now())],
        update_conflicts=True,
        unique_fields=["agent"],
        update_fields=["seen_at"],
    )


def _asleep(agent_id: int) -> None:
    """It goes to sleep now, and isn't taken for awake for as long as after any other sign."""
    fresh = timedelta(seconds=numbers.FRESH_SECONDS.value)
    at_work = RuntimeSession.objects.filter(
        agent_id=agent_id, status=RuntimeSession.Status.ACTIVE, beat_at__gt=Now() - fresh
    )
    if not at_work.exists():
        pulses = AgentPulse.objects.filter(agent_id=agent_id, seen_at__gt=Now() - fresh)
        pulses.update(seen_at=Now() - fresh)
        # What came between its last look and now found it awake, and woke nobody.
        from missions.threads.waking.reconciling import missed  # it stands above the services

        missed(agent_id)


def answer_wakes(agent_id: int, *, by: str, thread_id: int | None = None) -> int:
    """Settle the wakes that waited for this agent. What has not been sent yet stays: that the
    agent is alive doesn't mean that it knows of the thread."""
    rows = WakeTrigger.objects.open().filter(agent_id=agent_id, sent_at__isnull=False)
    if thread_id is not None:
        rows = rows.filter(thread_id=thread_id)
    now = clock.now()
    settled = {
        "state": leases.DONE,
        "lease_token": None,
        "status": WakeTrigger.Status.DELIVERED,
        "acked_at": now,
        "acked_by": by,
        "finished_at": now,
        "version": F("version") + 1,
    }
    spawned = rows.filter(spawn_tries__gt=0).update(**settled, result="fallback_spawned")
    return spawned + rows.update(**settled, result="triggered")


@transaction.atomic
def register_runtime(
    agent: Agent,
    session_id: str,
    *,
    actor: Actor,
    runtime: str,
    adapter: str = "pull",
    target: str = "",
    secret: str = "",
    management: str = "managed",
    resumable: bool = False,
) -> RuntimeSession:
    """Say how a session is reached. An agent registers its own, and only such as are reached
    without this machine: what types into panes or starts commands here, an operator registers, a
    person who holds that role and no key with a scope."""
    policy.require(actor, "thread.runtime", RuntimeSession(workspace=agent.workspace))
    if actor.kind == "agent" and actor.agent_id != agent.pk:
        raise NotAllowed(
            "An agent registers its own runtimes.",
            code="CLAIM_MISMATCH",
            denial={"actor": actor, "action": "thread.runtime", "subject": agent,
                    "rule": "own_runtime", "reason": "registers a runtime of another agent"},
        )  # fmt: skip
    kind = _choice("adapter", adapter, RuntimeSession.Adapter.values)
    if actor.kind not in {"person", "job"} and kind in {"tmux", "command"}:
        raise NotAllowed(
            "What types or starts commands on this machine, an operator registers.",
            code="INSUFFICIENT_AUTHORITY",
            denial={"actor": actor, "action": "thread.runtime", "subject": agent,
                    "rule": "local_adapters", "reason": "a program may not register this adapter"},
        )  # fmt: skip
    name = _session_name(session_id, actor) if actor.kind == "agent" else line(
        "session_id", session_id, 128, required=True
    )  # fmt: skip
    values = {
        "runtime": line("runtime", runtime, 60, required=True),
        "adapter": kind,
        "target": _target(kind, target),
        "management": _choice("management_mode", management, _MODES),
        "resumable": bool(resumable),
        "status": RuntimeSession.Status.ACTIVE,
        "failures": 0,
        "disabled_reason": "",
        "beat_at": clock.now(),
        **_sealed(kind, secret),
    }
    row, made = RuntimeSession.objects.update_or_create(
        workspace=agent.workspace, agent=agent, session_id=name, defaults=values
    )
    if not made:
        RuntimeSession.objects.filter(pk=row.pk).update(version=F("version") + 1)
        row.refresh_from_db()
    record(
        actor,
        "thread.runtime",
        row,
        after={"runtime": row.runtime, "adapter": kind, "management": row.management},
    )
    return row


def _target(kind: str, given: str) -> str:
    target = line("target", given, 500, required=kind in {"webhook", "tmux"})
    if kind == "webhook":
        http.check_url(target)
    return target


def _sealed(kind: str, secret: str) -> dict[str, str]:
    if kind != "webhook":
        return {"secret": ""}
    if len(secret) < _SECRET_LEAST:
        raise refuse("secret", f"{_SECRET_LEAST} characters or more: each call is signed with it.")
    return {"secret": sealed.seal(secret, SEALED_FOR)}


@transaction.atomic
def deregister_runtime(session: RuntimeSession, *, actor: Actor) -> RuntimeSession:
    """It is gone, and can't be resumed."""
    policy.require(actor, "thread.runtime", session)
    if actor.kind == "agent" and actor.agent_id != session.agent_id:
        raise Conflict("Not a session of this agent.")
    RuntimeSession.objects.filter(pk=session.pk).update(
        status=RuntimeSession.Status.OFFLINE, resumable=False, version=F("version") + 1
    )
    session.refresh_from_db()
    record(actor, "thread.runtime:off", session, after={"status": "offline", "resumable": False})
    return session
