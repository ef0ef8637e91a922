"""How a rollout stands, in a sentence, and what somebody can do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from controlplane.approvals import links as approval_links
from controlplane.lib import clock
from deployments import links as deployment_links
from deployments.canary import links
from deployments.canary.limits import Limits
from deployments.canary.services import going
from deployments.canary.services.consent import is_given, is_needed
from deployments.canary.services.holding import state_of
from deployments.flags.shown import links as flag_links
from deployments.models import Rollout, RolloutStep

Tone = Literal["neutral", "info", "good", "warn", "bad"]
LOOKS = timedelta(seconds=60)
# A tick comes each minute; after this many without one nobody judges.
LATE = 4 * LOOKS


@dataclass(frozen=True, slots=True)
class Do:
    """A thing to do: words, and the page it is done on."""

    text: str
    url: str = ""
    label: str = ""


@dataclass(slots=True)
class Standing:
    tone: Tone
    title: str
    text: str = ""
    todo: list[Do] = field(default_factory=list)
    # What happens next, and when: (words of the countdown, moment, where the time began).
    next: tuple[str, datetime, datetime] | None = None
    looked_at: datetime | None = None
    next_look: datetime | None = None


def standing(rollout: Rollout, step: RolloutStep | None) -> Standing:
    found = _STATUS[rollout.status](rollout, step)
    if rollout.is_watched and step is not None and step.started_at is not None:
        found.looked_at = step.checked_at
        found.next_look = (step.checked_at or step.started_at) + LOOKS
        if rollout.source != Rollout.Source.POSTED and clock.now() > found.next_look + LATE:
            found.tone = "warn"
            found.todo.append(
                Do(
                    "The judge has not looked since. Nothing is rolled back by itself until it"
                    " does: look at the job canary.tick, or roll back by hand.",
                    "/admin/jobs/scheduledjob/?view=all",
                    "Jobs",
                )
            )
    return found


# --- Before ---------------------------------------------------------------------------------------


def _planned(rollout: Rollout, step: RolloutStep | None) -> Standing:
    found = Standing(
        "info",
        "Planned. Nothing has happened to the flag yet.",
        "First the baseline: how it is without the flag. Every step is compared with it.",
    )
    if rollout.source == Rollout.Source.POSTED:
        path = f"POST /api/v1/rollouts/{rollout.ref}/baseline"
        found.todo.append(Do(f"Its figures are posted, and so is its baseline: {path}"))
    found.todo += _in_the_way(rollout, going.before_start(rollout, baseline=False))
    return found


def _ready(rollout: Rollout, step: RolloutStep | None) -> Standing:
    waiting = going.before_start(rollout)
    if not waiting:
        first = rollout.steps.all()[0]
        text = f"The first step brings it to {first.percent} % for {first.hold_minutes} minutes."
        return Standing("info", "Ready to start.", text)
    return Standing(
        "warn",
        "The baseline is there; it can't start yet.",
        todo=_in_the_way(rollout, waiting),
    )


def _in_the_way(rollout: Rollout, sentences: list[str]) -> list[Do]:
    """Each sentence with the page where somebody can mend it."""
    return [Do(text, *_where(rollout, text)) for text in sentences]


# What a button of the page itself mends.
BY_BUTTON = ("Somebody is to promote it.", "It is paused.")


def _where(rollout: Rollout, text: str) -> tuple[str, str]:
    deployment, flag = rollout.deployment, rollout.flag
    if deployment is not None and text.startswith(deployment.ref):
        return deployment_links.page_of(deployment), "Its deployment"
    if text.startswith(flag.flag_name):
        return flag_links.row(flag), "The flag"
    if "onsent" in text:
        if rollout.approval is not None and rollout.approval.status == "open":
            return approval_links.page_of(rollout.approval), "Who is asked"
        return "", ""
    if "baseline" in text or text in BY_BUTTON:
        return "", ""
    return "/admin/deployments/freeze/", "Freezes"


# --- Under way ------------------------------------------------------------------------------------


def _running(rollout: Rollout, step: RolloutStep | None) -> Standing:
    if step is None or step.started_at is None:
        return Standing("info", "It runs.")
    found = Standing(
        "good",
        f"{step.percent} % have it, and nothing speaks against it.",
        _measured(step, Limits.read(rollout.limits)),
    )
    if not step.checked_at:
        found.tone, found.title = "info", f"{step.percent} % have it. The first look is to come."
    after = _after(rollout, step)
    if step.earliest_next_at is not None and step.earliest_next_at > clock.now():
        found.next = (after, step.earliest_next_at, step.started_at)
    return found


def _after(rollout: Rollout, step: RolloutStep) -> str:
    """What the countdown counts to."""
    following = next((each for each in rollout.steps.all() if each.position > step.position), None)
    if following is None:
        return "is through"
    return f"{'goes' if rollout.automatic else 'may go'} to {following.percent} %"


def _measured(step: RolloutStep, limits: Limits) -> str:
    told = step.numbers.get("errors")
    if told is None:
        return ""
    requests = step.numbers.get("requests", 0)
    if not requests:
        return "No request was counted in this step yet."
    return (
        f"{told['count']:,} of {requests:,} requests failed: {percent(told['share'])}, and at most"
        f" {percent(limits.max_error_rate)} may."
    )


HELD = {
    "few": "Held: too few requests to tell.",
    "no_data": "Held: no figures come in.",
    "split": "Held: the cohort is not the share that it should be.",
    "above": "Held: more fails than may.",
    "waiting": "The step passed. Something keeps the next one back.",
}


def _held(rollout: Rollout, step: RolloutStep | None) -> Standing:
    if step is None:
        return Standing("warn", "Held.")
    asks = step.verdict == "ask"
    title = HELD.get(step.rule, "Held.")
    if asks:
        title = f"{title.removesuffix('.')}. You decide."
    found = Standing("warn", title, sentence(step.reason))
    if step.rule == "waiting":
        found.text = ""
        found.todo = _in_the_way(rollout, step.reason.split("; "))
        return found
    found.todo = _mend(rollout, step)
    limits = Limits.read(rollout.limits)
    if step.held_since is not None and not asks:
        until = step.held_since + timedelta(minutes=step.hold_minutes) * limits.max_holds
        what = "is rolled back" if step.rule == "above" else "asks you"
        found.next = (what, until, step.held_since)
    return found


def _mend(rollout: Rollout, step: RolloutStep) -> list[Do]:
    """What helps against each kind of doubt."""
    flag = rollout.flag.flag_name
    anyway = Do(
        "If you know better than the figures, go on before its time and say why;"
        " if you don't, roll back: it costs the cohort nothing but the feature."
    )
    if step.rule == "few":
        least = Limits.read(rollout.limits).min_samples
        return [
            Do(f"Wait for traffic: {least:,} requests are the least that can show it.", ""),
            anyway,
        ]
    if step.rule == "no_data":
        return [_silent(rollout), anyway]
    if step.rule == "split":
        return [
            Do(
                "Is the flag asked for everybody, always with the same user id, and do events of"
                " both sides arrive? A cohort that loses its failures looks healthy.",
                flag_links.trying(rollout.flag, rollout.environment),
                f"What {flag} says",
            ),
            anyway,
        ]
    return [
        Do(
            "Look at what fails. It is rolled back by itself unless the share sinks below the limit"
            " in time; rolling back now spares those who have it."
        )
    ]


def _silent(rollout: Rollout) -> Do:
    flag = rollout.flag.flag_name
    match rollout.source:
        case Rollout.Source.TELEMETRY:
            return Do(
                f'Do events say which answer they saw? Their context names it: {{"flags":'
                f' {{"{flag}": "on"}}}}, in {rollout.environment}.',
                f"/admin/telemetry/event/?range=1h&env={rollout.environment.slug}",
                "Events",
            )
        case Rollout.Source.IMPACT:
            return Do("Do the SDKs still send impact metrics that name the flag?", _flag(rollout))
        case Rollout.Source.PROMETHEUS:
            return Do(
                "Is the server up, and does it still answer the queries?",
                links.trying(rollout),
                "Try the queries",
            )
    return Do(f"Post what was counted: POST /api/v1/rollouts/{rollout.ref}/figures")


def _flag(rollout: Rollout) -> str:
    return flag_links.row(rollout.flag)


def _paused(rollout: Rollout, step: RolloutStep | None) -> Standing:
    event = rollout.events.filter(what="paused").order_by("-pk").first()
    state = state_of(rollout)
    off = not state.flag.enabled or not state.settings["on"]
    found = Standing(
        "warn",
        f"Paused at {step.percent} %." if step is not None else "Paused.",
        sentence(event.reason) if event is not None else "",
    )
    if off:
        said = "The flag is off there: roll back to end it, or set it as it was and go on."
        found.todo.append(Do(said, _flag(rollout), "The flag"))
    else:
        said = "The judge goes on looking: a pause never switches rolling back off."
        found.todo.append(Do(said))
    return found


# --- After ----------------------------------------------------------------------------------------


def _stabilizing(rollout: Rollout, step: RolloutStep | None) -> Standing:
    return Standing(
        "good",
        "It is on for everybody. Document how it went to end it.",
        "The flag then gets a day by which it is taken out of the code.",
    )


def _completed(rollout: Rollout, step: RolloutStep | None) -> Standing:
    gone = rollout.flag.remove_by
    return Standing(
        "good",
        "Completed: everybody has it.",
        f"The flag is to be out of the code by {gone:%Y-%m-%d}." if gone else "",
    )


def _rolled_back(rollout: Rollout, step: RolloutStep | None) -> Standing:
    at = f" at {step.percent} %" if step is not None else ""
    found = Standing("neutral", f"Rolled back{at}: nobody has it.", sentence(rollout.outcome))
    if step is not None and step.numbers.get("confounded"):
        found.todo.append(
            Do("Those without the flag failed as often: look for another cause as well.")
        )
    if rollout.blocker is not None and rollout.blocker.category != "done":
        found.todo.append(
            Do(f"{rollout.blocker.key} is in the way of trying again: find the cause there.")
        )
    found.todo.append(
        Do(
            "When the cause is mended, plan it anew.",
            links.planning(
                flag=rollout.flag, place=rollout.environment.slug, deployment=_again(rollout)
            ),
            "Plan it again",
        )
    )
    return found


def _again(rollout: Rollout) -> Any:
    """The same deployment, if it could still be named."""
    deployment = rollout.deployment
    return deployment if deployment is not None and deployment.status == "monitoring" else None


def _cancelled(rollout: Rollout, step: RolloutStep | None) -> Standing:
    return Standing("neutral", "Cancelled before it began.", sentence(rollout.outcome))


_STATUS = {
    "planned": _planned,
    "baseline_taken": _ready,
    "running": _running,
    "held": _held,
    "paused": _paused,
    "stabilizing": _stabilizing,
    "completed": _completed,
    "rolled_back": _rolled_back,
    "cancelled": _cancelled,
}


# --- Words ----------------------------------------------------------------------------------------


def percent(share: float, digits: int = 2) -> str:
    text = f"{100 * share:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}\u00a0%"


def sentence(text: str) -> str:
    """As a sentence stands: with a capital and an end."""
    if not text:
        return ""
    whole = text[0].upper() + text[1:]
    return whole if whole[-1] in ".!?" else f"{whole}."


def times(power: float) -> str:
    """10 to this, as people say it: "0.4", "12", "over a million"."""
    if power >= 6:
        return "over a million"
    value = 10**power
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.1 else "nearly 0"


def consent_words(rollout: Rollout) -> str:
    if not is_needed(rollout):
        return "not needed there"
    if is_given(rollout):
        return "given"
    approval = rollout.approval
    before = approval is not None and approval.status == "approved"
    return "given to what has changed since" if before else "not given yet"
