"""What the pages of a rollout say of it."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest

from controlplane.access.models import Agent, User
from controlplane.lib import clock
from controlplane.lib.text import counted
from deployments.canary import links
from deployments.canary.judge import RULES
from deployments.canary.limits import JUDGES, Limits
from deployments.models import Rollout, RolloutEvent, RolloutStep
from deployments.shown import canary_curves, canary_words
from deployments.shown.canary_words import percent, sentence, times

EVENTS = 120
EVENTS_AT_ONCE = 6


def with_steps() -> Prefetch[Any]:
    """The plan in its order, each step with its work item: asked for once."""
    rows = RolloutStep.objects.select_related("item", "snapshot").order_by("position")
    return Prefetch("steps", queryset=rows)


def current(rollout: Rollout) -> RolloutStep | None:
    """The step that runs, or the last one that did."""
    begun = [step for step in rollout.steps.all() if step.state != "pending"]
    return begun[-1] if begun else None


# --- In the list ----------------------------------------------------------------------------------


def reached(rollout: Rollout) -> str:
    step = current(rollout)
    if rollout.status == "rolled_back":
        return "0 %"
    return f"{step.percent} %" if step is not None else "–"


def said(rollout: Rollout) -> str:
    step = current(rollout)
    return sentence(RULES.get(step.rule, "")) if step is not None else ""


def said_of(step: RolloutStep) -> str:
    """With its numbers, as the judge put it."""
    verdict = {"keep": "It goes on", "hold": "Held", "ask": "You decide", "advance": "It passed"}
    return f"{verdict.get(step.verdict, 'Judged')}: {step.reason}."


def summary(rollout: Rollout) -> str:
    """What each step saw, in a line each: what a note on how it went begins with."""
    told = []
    for step in rollout.steps.select_related("snapshot").order_by("position"):
        if step.snapshot is None:
            continue
        figures = step.snapshot.figures
        said = [f"{figures.get('requests', 0):,} requests"]
        if figures.get("error_rate") is not None:
            said.append(f"errors {percent(figures['error_rate'])}")
        if figures.get("p95_ms") is not None:
            said.append(f"p95 {figures['p95_ms']:,.0f} ms")
        said.append(counted(figures.get("safeguard_violations") or 0, "safeguard violation"))
        told.append(f"{step.percent} %: {', '.join(said)}.")
    before = baseline_words(rollout)
    return "\n".join([f"Without the flag: {before}.", *told] if before else told)


# --- On its page ----------------------------------------------------------------------------------


def panel(rollout: Rollout, request: HttpRequest) -> dict[str, Any]:
    now, step = clock.now(), current(rollout)
    steps = list(rollout.steps.all())
    begun = [each for each in steps if each.started_at is not None]
    alone = _one_step(request, rollout) and step is not None
    drawn = [step] if alone and step is not None else begun
    user = request.user
    zone = user.time_zone if isinstance(user, User) else "UTC"
    curves = canary_curves.of(rollout, drawn, now=now, zone=zone)
    decisions = _decisions(rollout)
    return {
        "step": step,
        "standing": canary_words.standing(rollout, step),
        "weighed": _weighed(rollout, step) if step is not None else None,
        "curves": curves.charts,
        "curves_of": f"the {step.percent} %" if alone and step is not None else "all steps",
        "spans": _spans(alone) if len(begun) > 1 else [],
        "plan": [_planned(each, rollout) for each in steps],
        "baseline": baseline_words(rollout),
        "decisions": decisions[:EVENTS_AT_ONCE],
        "earlier": decisions[EVENTS_AT_ONCE:],
        "posts": rollout.source == Rollout.Source.POSTED and rollout.is_watched,
        "post_url": links.posting(rollout),
    }


def _one_step(request: HttpRequest, rollout: Rollout) -> bool:
    """What was asked for; else the step that runs, and of what is over everything."""
    asked = request.GET.get("span", "")
    return asked == "step" if asked in ("step", "all") else rollout.is_watched


def _spans(alone: bool) -> list[dict[str, Any]]:
    return [
        {"label": "This step", "query": "?span=step", "current": alone},
        {"label": "Whole rollout", "query": "?span=all", "current": not alone},
    ]


TONES = {
    "pending": "neutral",
    "running": "info",
    "held": "warn",
    "passed": "good",
    "failed": "warn",
    "skipped": "neutral",
}


def _planned(step: RolloutStep, rollout: Rollout) -> dict[str, Any]:
    runs = step.state in ("running", "held") and rollout.is_watched
    state = "skipped" if step.state == "pending" and not rollout.is_open else step.state
    left = None
    if runs and step.started_at is not None:
        gone = (clock.now() - step.started_at).total_seconds() / 60
        left = min(int(gone), step.hold_minutes)
    return {
        "step": step,
        "percent": f"{step.percent}\u00a0%",
        "holds": length(step.hold_minutes),
        "state": state,
        "words": "Not reached" if state == "skipped" else step.get_state_display(),
        "tone": TONES[state],
        "runs": runs,
        "gone": left,
        "item": step.item.key if step.item is not None else "",
        "said": sentence(step.reason) if step.state in ("passed", "failed") else "",
        "early": step.override_reason,
    }


def length(minutes: int) -> str:
    """As a plan says it: "30 min", "2 h", "1 h 30 min", "3 days"."""
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    parts = [(days, "day" if days == 1 else "days"), (hours, "h"), (left, "min")]
    return " ".join(f"{count}\u00a0{unit}" for count, unit in parts if count)


# --- What the judge weighs ------------------------------------------------------------------------

_SIDES = {
    "errors": ("Requests that fail", "requests failed"),
    "slow": ("Slow requests", "took longer than the limit"),
}


def _weighed(rollout: Rollout, step: RolloutStep) -> dict[str, Any]:
    limits, told = Limits.read(rollout.limits), step.numbers
    requests = told.get("requests", 0)
    sides = [
        _side(name, told[name], requests, limits)
        for name in _SIDES
        if requests and name in told and (name != "slow" or rollout.slow_ms is not None)
    ]
    violations = told.get("violations", 0)
    return {
        "sides": sides,
        "requests": requests,
        "others": told.get("others", 0),
        "least": limits.min_samples,
        "enough": requests >= limits.min_samples,
        "violations": violations,
        "reported": [sentence(each) for each in _reported(step, limits)],
        "unjudged": rollout.slow_ms is None and not _has_ratio(step),
        "judge": limits.judge,
        "judges": JUDGES[limits.judge],
    }


def _side(name: str, told: dict[str, Any], requests: int, limits: Limits) -> dict[str, Any]:
    """The share, its bounds, its limit, and how far each way to a rollback is."""
    title, _ = _SIDES[name]
    above = told["count"] > told["limit"] * requests
    row: dict[str, Any] = {
        "title": title,
        "share": percent(told["share"]) if requests else "–",
        "count": told["count"],
        "limit": percent(told["limit"]),
        "tone": _tone(told, above=above and requests > 0),
        "bounds": f"{percent(told['low'])} to {percent(told['high'])}" if requests else "",
        "proof": round(100 * told["proof"]),
    }
    if "bets" in told:
        whole, lately = (times(each) for each in told["bets"])
        need_whole, need_lately = (times(each) for each in told["needed"])
        row["bets"] = [
            {"what": "of the whole step", "grown": whole, "needed": need_whole},
            {"what": "of what came lately", "grown": lately, "needed": need_lately},
        ]
        row["looks"] = _looks(told["above"], limits)
    return row


def _tone(told: dict[str, Any], *, above: bool) -> str:
    return "warn" if told["proof"] >= 1 or above else "good"


def _looks(above: int, limits: Limits) -> str:
    """The plain rule: above the limit, look after look, once there are enough requests."""
    least = limits.literal_from
    if least is None:
        return ""
    return (
        f"above the limit at {above} of {limits.confirm_ticks} looks in a row"
        f" that roll back, from {least:,} requests on"
    )


def _has_ratio(step: RolloutStep) -> bool:
    return (step.seen or {}).get("latency_ratio") is not None


def _reported(step: RolloutStep, limits: Limits) -> list[str]:
    """Of sources that know rates alone."""
    seen, found = step.seen or {}, []
    if seen.get("error_rate") is not None:
        found.append(
            f"errors reported at {percent(seen['error_rate'])}, at most"
            f" {percent(limits.max_error_rate)}"
        )
    if seen.get("latency_ratio") is not None:
        found.append(
            f"p95 reported at {seen['latency_ratio']:.2f} times the baseline, at most"
            f" {limits.max_latency_ratio:g}"
        )
    return found


def baseline_words(rollout: Rollout) -> str:
    if rollout.baseline is None:
        return ""
    figures = rollout.baseline.figures
    rate, p95 = figures.get("error_rate"), figures.get("p95_ms")
    told = [f"{figures.get('requests', 0):,} requests"]
    told.append("errors unknown" if rate is None else f"errors {percent(rate)}")
    told.append("p95 unknown" if p95 is None else f"p95 {p95:,.0f} ms")
    return ", ".join(told)


# --- Decisions ------------------------------------------------------------------------------------

# Where the name alone is no word for what happened, and how loud it is.
WHAT = {
    "asked": ("Consent asked for", "info"),
    "consented": ("Consented to", "good"),
    "refused": ("Refused", "warn"),
    "sent back": ("Sent back", "warn"),
    "planned": ("Planned", "neutral"),
    "baseline": ("Baseline taken", "neutral"),
    "began": ("Step begun", "info"),
    "passed": ("Step passed", "good"),
    "ask": ("Asked a person", "warn"),
    "hold": ("Held", "warn"),
    "figures": ("Figures posted", "neutral"),
    "paused": ("Paused", "warn"),
    "resumed": ("Went on", "info"),
    "stabilizing": ("On for everybody", "good"),
    "completed": ("Completed", "good"),
    "rolled_back": ("Rolled back", "warn"),
    "switched_off": ("Switched off", "warn"),
    "cancelled": ("Cancelled", "neutral"),
}
COUNTED = {"n": "requests", "errors": "failed", "slow": "slow", "violations": "violations"}


def _decisions(rollout: Rollout) -> list[dict[str, Any]]:
    """The newest first; posts of figures that follow each other are one line."""
    found: list[dict[str, Any]] = []
    posted: list[RolloutEvent] = []
    for event in rollout.events.select_related("step").order_by("-id")[:EVENTS]:
        if posted and (event.what != "figures" or event.step_id != posted[0].step_id):
            found.append(_posts(posted))
            posted = []
        if event.what == "figures":
            posted.append(event)
        else:
            found.append(_decision(event))
    if posted:
        found.append(_posts(posted))
    names = _agents({line["by"] for line in found})
    for line in found:
        line["by"] = names.get(line["by"], line["by"])
    return found


def _agents(refs: set[str]) -> dict[str, str]:
    """Rows keep agents by their ref alone; with the name behind it, as it is today."""
    keys = [int(ref.removeprefix("agent:")) for ref in refs if re.fullmatch(r"agent:\d+", ref)]
    if not keys:
        return {}
    rows = Agent.objects.filter(pk__in=keys).values_list("pk", "name")
    return {f"agent:{pk}": f"agent:{pk} {name}" for pk, name in rows}


def _decision(event: RolloutEvent) -> dict[str, Any]:
    plain = event.what.replace("_", " ").capitalize()
    what, tone = WHAT.get(event.what, (plain, "neutral"))
    return {
        "what": what,
        "tone": tone,
        "cohort": f"{event.step.percent}\u00a0%" if event.step is not None else "",
        "why": sentence(event.reason),
        "rule": RULES.get(event.rule, ""),
        "by": event.by,
        "at": event.at,
    }


def _posts(events: list[RolloutEvent]) -> dict[str, Any]:
    """Figures that came in have no reason; they say themselves what they are."""
    counted: list[dict[str, Any]] = [each.numbers for each in events]
    told = [
        f"{sum(each.get(name, 0) for each in counted):,} {words}"
        for name, words in COUNTED.items()
        if any(name in each for each in counted)
    ]
    often = f" {len(events)} times" if len(events) > 1 else ""
    shown = _decision(events[0])
    return {**shown, "what": f"{shown['what']}{often}", "why": ", ".join(told)}
