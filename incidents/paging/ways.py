"""By which ways somebody is called, and after how long each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.notify.models import Method


@dataclass(frozen=True, slots=True)
class Way:
    """One way to one person. `after_s` counts from the call's beginning."""

    method: str
    after_s: int = 0
    contact_method_id: int | None = None

    @property
    def mark(self) -> tuple[str, int | None]:
        return (self.method, self.contact_method_id)


ALWAYS = (Way(Method.INBOX.value), Way(Method.EMAIL.value))


def ways_of(people: Iterable[int], urgency: str) -> dict[int, list[Way]]:
    """Each person's ways, in their order. Who kept no rules is called by mail and inbox at once."""
    return {person: list(ALWAYS) for person in people}
