from __future__ import annotations

from dataclasses import dataclass

from missions.threads.models import RuntimeSession, WakeTrigger


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of telling. `acknowledged`: whoever was told says so at once."""

    ok: bool
    code: str = ""
    detail: str = ""
    acknowledged: bool = False


class Adapter:
    def __init__(self, session: RuntimeSession) -> None:
        self.session = session

    def busy(self) -> bool:
        """Is a person at it, right now?"""
        return False

    def send(self, row: WakeTrigger) -> Sent:
        """Tell. Bounded in time, well within the lease."""
        raise NotImplementedError
