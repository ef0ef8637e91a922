"""Where simulated events go: through the ingest as their agents, or to a portal over HTTP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec

from controlplane.access.models import Agent, Workspace
from controlplane.access.principals import actor_for_agent
from controlplane.lib import actors, http
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Unavailable
from telemetry.ingest import Incoming, ingest
from telemetry.simulate.telling import Event

BATCH = 2_000  # well below what one request may hold
TRIES = 6
_PATH = "/api/v1/telemetry/events"


@dataclass(slots=True)
class Totals:
    """What became of everything that was sent."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    batches: int = 0

    def add(self, receipt: dict[str, Any]) -> None:
        self.accepted += receipt["accepted"]
        self.duplicates += receipt["duplicates"]
        self.rejected += receipt["rejected"]
        self.batches += 1

    @property
    def sent(self) -> int:
        return self.accepted + self.duplicates + self.rejected


Send = Callable[[Sequence[Event]], Iterator[dict[str, Any]]]


def deliver(events: Iterable[Event], send: Send, *, totals: Totals | None = None) -> Totals:
    """Everything, in batches."""
    totals = totals or Totals()
    source = iter(events)
    while batch := list(islice(source, BATCH)):
        for receipt in send(batch):
            totals.add(receipt)
    return totals


def inside(workspace: Workspace, *, relieve: Callable[[], object] | None = None) -> Send:
    """Through the ingest, each event as the agent of its role. `relieve` is called when the
    portal asks to wait."""
    senders = _senders(workspace)
    other = senders.get("coordinator") or actors.job("simulate_telemetry")

    def send(batch: Sequence[Event]) -> Iterator[dict[str, Any]]:
        parts: dict[str, list[Incoming]] = defaultdict(list)
        for event in batch:
            role = event.get("agent_name") or ""
            parts[role if role in senders else ""].append(Incoming(**event))
        for role, items in parts.items():
            yield _patiently(senders.get(role, other), workspace, items, relieve)

    return send


def _patiently(
    actor: Actor, workspace: Workspace, items: list[Incoming], relieve: Callable[[], object] | None
) -> dict[str, Any]:
    try:
        return ingest(actor, workspace, items).as_data()
    except Unavailable:
        if relieve is None:
            raise
        relieve()
        return ingest(actor, workspace, items).as_data()


def _senders(workspace: Workspace) -> dict[str, Actor]:
    agents = Agent.objects.filter(workspace=workspace, is_active=True).exclude(role="")
    return {agent.role: actor_for_agent(agent) for agent in agents.order_by("-pk")}


def over_http(url: str, key: str, *, wait: Callable[[float], None]) -> Send:
    """To the portal at this address, with an agent's key. What it asks to wait for is waited
    for, and sent again: events carry ids, so nothing is counted twice."""
    address = url.rstrip("/") + ("" if urlsplit(url).path.endswith("/events") else _PATH)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    allowed = [urlsplit(url).hostname or ""]

    def send(batch: Sequence[Event]) -> Iterator[dict[str, Any]]:
        body = msgspec.json.encode(list(batch))
        for attempt in range(TRIES):
            answer = http.request("POST", address, data=body, headers=headers, allow=allowed)
            if answer.status == 202:
                yield answer.json()
                return
            if answer.status not in {429, 503} or attempt == TRIES - 1:
                raise Unavailable(f"The portal answered {answer.status}: {answer.text[:200]}")
            wait(float(answer.headers.get("retry-after") or 2**attempt))

    return send
