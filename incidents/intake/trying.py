"""What would become of a message, without anything being kept: read, judged and decided as a real
one, by the same functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.lib import clock
from incidents.intake import deciding, receiving, storing
from incidents.intake.normal import Incoming, Refusal, merged
from incidents.models import AlertSource, InboundEvent, Incident, Silence
from incidents.routing.judging import Judge, Verdict

# Through which door a format's messages come, where it has more than one.
FORMS = {"pagerduty": "event", "email": "mail"}
MOST = 200
_WHAT = {
    deciding.MADE: "would fire",
    deciding.RAISED: "fires already, graver now",
    deciding.REPEATED: "fires already",
    deciding.RESOLVED: "would be over",
    deciding.LATE: "over already",
    deciding.EARLY: "kept as over",
    deciding.UNKNOWN: "the end of what does not fire",
}
_OPENS = {"item": "a work item", "note": "a note on the open release", "nothing": "nothing more"}


@dataclass(frozen=True, slots=True)
class Would:
    """What would become of one alert of it."""

    alert: Incoming
    what: str
    severity: str
    rule: str
    follows: str
    held_back: str


@dataclass(slots=True)
class Trial:
    alerts: list[Would] = field(default_factory=list)
    more: int = 0  # beyond those shown
    refused: list[Refusal] = field(default_factory=list)
    truncated: int = 0
    acknowledged: list[str] = field(default_factory=list)
    changes: int = 0


def try_message(
    source: AlertSource,
    body: bytes,
    *,
    form: str = "",
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Trial:
    """Raises `Invalid` for what the sender would be refused with."""
    row = InboundEvent(
        workspace_id=source.workspace_id, source=source, created_at=clock.now(),
        form=form or FORMS.get(source.format, "webhook"), content_type=content_type[:200],
        headers=dict(headers or {}), size=len(body),
    )  # fmt: skip
    read = receiving.READERS[source.format, row.form](source, row, body)
    now = clock.now()
    alerts = merged(read.alerts)
    for alert in alerts:
        alert.labels = {**source.labels, **alert.labels}
    verdicts = Judge.of(source, now).look_at_all(alerts)
    known = storing.look(source, [alert.key for alert in alerts])
    decisions = deciding.decide_all(alerts, verdicts, known, now)
    names = _names(source, verdicts[:MOST])
    shown = zip(alerts[:MOST], verdicts[:MOST], decisions[:MOST], strict=True)
    return Trial(
        alerts=[_would(alert, verdict, decision, names) for alert, verdict, decision in shown],
        more=max(0, len(alerts) - MOST),
        refused=read.refused[:MOST],
        truncated=read.truncated,
        acknowledged=read.acknowledged[:MOST],
        changes=len(read.changes),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    incidents: dict[str, str]  # group -> the open incident
    silences: dict[int, str]


def _names(source: AlertSource, verdicts: list[Verdict]) -> _Names:
    burning = Incident.objects.burning().filter(
        workspace=source.workspace_id, group_key__in={each.group_key for each in verdicts}
    )
    silences = Silence.objects.filter(pk__in={each.silence for each in verdicts if each.silence})
    return _Names(
        dict(burning.values_list("group_key", "ref")), dict(silences.values_list("pk", "comment"))
    )


def _would(alert: Incoming, verdict: Verdict, decision: deciding.Decision, names: _Names) -> Would:
    return Would(
        alert=alert,
        what=_WHAT[decision.what],
        severity=verdict.severity,
        rule=verdict.rule.title if verdict.rule else "no rule",
        follows=_follows(verdict, decision, names),
        held_back=_held_back(verdict, decision, names),
    )


def _follows(verdict: Verdict, decision: deciding.Decision, names: _Names) -> str:
    if decision.what == deciding.RESOLVED:
        return "It is over."
    if verdict.held_back or not decision.calls:
        return "Nobody is called."
    outcome: Any = verdict.outcome
    if outcome.opens != "incident":
        return (
            f"It opens {_OPENS[outcome.opens]}."
            if outcome.opens == "item"
            else (
                f"It becomes {_OPENS[outcome.opens]}." if outcome.opens == "note" else "It is kept."
            )
        )
    there = names.incidents.get(verdict.group_key)
    if there:
        return f"It joins {there}."
    by = f", called by the policy {outcome.policy}" if outcome.policy else ""
    return f"It opens an incident of {outcome.level}{by}."


def _held_back(verdict: Verdict, decision: deciding.Decision, names: _Names) -> str:
    if verdict.silence is not None:
        return f"silenced: {names.silences.get(verdict.silence, '')}"
    if verdict.inhibited_by is not None:
        return "a critical alert of its service fires"
    return "it flaps" if decision.flaps_until is not None else ""
