"""Whether a toolkit may be called now. Whoever keeps breakers provides the answer:

    @breakers.provide
    def ask(mission: Mission, toolkit: str) -> Answer: ...

Without anybody who answers, nothing that needs a toolkit is let go: that nobody knows of trouble is
not the same as that there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from controlplane.catalog import services as catalog
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from missions.services.noting import PORTAL


@dataclass(frozen=True, slots=True)
class Answer:
    may_call: bool
    reason: str = ""
    retry_after: float | None = None
    trial: str = ""  # the token of a trial: the report that carries it decides


Provider = Callable[[Any, str], Answer]
PROVIDERS: list[Provider] = []


def provide(answer: Provider) -> Provider:
    if PROVIDERS and [answer] != PROVIDERS:
        raise ValueError("two answer for breakers")
    PROVIDERS[:] = [answer]
    return answer


def ask(mission: Any, toolkit: str) -> Answer:
    if not PROVIDERS:
        return Answer(False, "Nobody here can say whether its breaker is closed.")
    return PROVIDERS[0](mission, toolkit)


@provide
def of_the_catalog(mission: Any, toolkit: str) -> Answer:
    rows = Integration.objects.of(mission.workspace_id)
    integration = rows.filter(slug=toolkit).first()
    if integration is None:
        return Answer(False, f"No integration of this workspace is called {toolkit}.")
    said = catalog.ask(integration, actor=PORTAL)
    if said.may_call:
        return Answer(True, said.reason, trial=str(said.token) if said.token else "")
    left = (said.until - clock.now()).total_seconds() if said.until is not None else None
    why = f"The breaker of {toolkit} is {said.state.replace('_', ' ')}: {said.reason}".rstrip(": ")
    return Answer(False, f"{why}.", max(left, 1.0) if left is not None else None)
