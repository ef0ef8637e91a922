"""What each alert of a message is, beside what is known of its key: new, graver, said again, over,
or overtaken. Pure: nothing is read here, and nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.intake.normal import Incoming
from incidents.routing.judging import Verdict

MADE, RAISED, REPEATED, RESOLVED = "made", "raised", "repeated", "resolved"
LATE = "late"  # it was over when it came
EARLY = "early"  # its end came before it did
UNKNOWN = "unknown"  # the end of something nobody told of
_RANK = {"info": 0, "warning": 1, "critical": 2}
_BY_SENDER = ("sender", "late")
_MOST_FLIPS = 30_000


@dataclass(frozen=True, slots=True)
class Last:
    """The newest alert of a key."""

    pk: int
    status: str
    severity: str
    starts_at: datetime
    resolved_at: datetime | None
    over_by: str
    flips: int
    incident: int | None
    item: int | None

    @property
    def fires(self) -> bool:
        return self.status == "firing"


@dataclass(frozen=True, slots=True)
class Decision:
    what: str
    last: Last | None
    flips: int = 0
    flaps_until: datetime | None = None

    @property
    def calls(self) -> bool:
        """Whether somebody is to hear of it, as far as the alert itself goes."""
        return self.what in {MADE, RAISED} and self.flaps_until is None


_NEW = Decision(MADE, None)


def decide_all(
    alerts: Sequence[Incoming],
    verdicts: Sequence[Verdict],
    known: Mapping[str, Last],
    now: datetime,
) -> list[Decision]:
    return [
        decide(alert, verdict, known.get(alert.key), now)
        for alert, verdict in zip(alerts, verdicts, strict=True)
    ]


def decide(alert: Incoming, verdict: Verdict, last: Last | None, now: datetime) -> Decision:
    if not alert.fires:
        return Decision(_ended(alert, last, now), last)
    if last is None:
        return _NEW
    if last.fires:
        graver = _RANK[verdict.severity] > _RANK[last.severity]
        return Decision(RAISED if graver else REPEATED, last, last.flips)
    if _overtaken(alert, last):
        return Decision(LATE, last)
    rule = verdict.rule
    most, window = (rule.flaps, rule.flap_window_s) if rule else (4, 3_600)
    span = timedelta(seconds=window)
    if last.resolved_at is None or last.resolved_at <= now - span:
        return Decision(MADE, last)
    flips = min(last.flips + 1, _MOST_FLIPS)
    return Decision(MADE, last, flips, now + span if flips >= most else None)


def _ended(alert: Incoming, last: Last | None, now: datetime) -> str:
    """An end counts for what fires, unless it tells of an earlier time than that began."""
    end = alert.ends_at or now
    if last is not None and last.fires:
        return UNKNOWN if alert.timed and end < last.starts_at else RESOLVED
    if not alert.timed or alert.ends_at is None or alert.starts_at is None:
        return UNKNOWN
    return EARLY if last is None or last.starts_at < alert.starts_at else UNKNOWN


def _overtaken(alert: Incoming, last: Last) -> bool:
    """Its end was heard already, by the sender's own word. What was ended here by hand or for
    being silent fires again by the same words."""
    if not alert.timed or alert.starts_at is None or last.over_by not in _BY_SENDER:
        return False
    return alert.starts_at <= last.starts_at
