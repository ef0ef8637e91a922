"""How many users, what their acts may take, and what was missed of that."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.console.benches.load.crowd import Heard, share

WORKING_DAY_S = 8 * 3_600  # in which a day's missions are begun
REACHED = 0.95  # of an act a second and user, or the waits say little
CROWD_LATE_S = 0.1  # p95 from when an act was due to when it was sent: beyond, it is the crowd


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    users: int
    missions: int  # a day
    p95_ms: float | None  # no goal: whatever it takes
    errors: float  # at most this share
    busy_allowed: bool = False  # 503 and 429 are answers, too
    recovery_s: float = 10.0
    seconds: float = 60.0

    @property
    def begun_per_s(self) -> float:
        return self.missions / WORKING_DAY_S

    def judged(self, heard: Heard, crashes: list[str], recovered_s: float | None) -> list[str]:
        """What was missed, in words."""
        missed = [f"{self.name}: {each}" for each in crashes]
        p95 = share(heard.all_waits(), 0.95) * 1000
        if self.p95_ms is not None and p95 > self.p95_ms:
            missed.append(f"{self.name}: p95 {p95:.0f} ms, at most {self.p95_ms:.0f}")
        wrong = heard.errors - (heard.busy if self.busy_allowed else 0)
        part = wrong / heard.asked if heard.asked else 1.0
        if part > self.errors:
            missed.append(
                f"{self.name}: {wrong} of {heard.asked} acts failed, at most {self.errors:.1%}"
            )
        if self.p95_ms is not None and heard.asked < REACHED * heard.wanted:
            reached = heard.asked / max(1, heard.wanted)
            missed.append(f"{self.name}: {reached:.0%} of an act a second and user was reached")
        if recovered_s is None or recovered_s > self.recovery_s:
            told = "not at all" if recovered_s is None else f"after {recovered_s:.1f} s"
            missed.append(
                f"{self.name}: recovered {told}, within {self.recovery_s:.0f} s was asked for"
            )
        return missed


PROFILES = {
    each.name: each
    for each in (
        Profile("baseline", 100, 1_000, 200, 0.0),
        Profile("baseline2x", 200, 1_000, 200, 0.0),
        Profile("peak", 500, 5_000, 500, 0.001),
        # Beyond what it is made for: it may say so, and must neither break nor stay slow.
        Profile("stress", 1_000, 5_000, None, 0.01, busy_allowed=True),
    )
}
