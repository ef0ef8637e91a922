"""When a rollout can be moved, and why not: asked by the buttons of its page."""

from __future__ import annotations

from collections.abc import Callable

from deployments.canary.services import going
from deployments.canary.services.consent import is_given, is_needed, stands
from deployments.canary.services.holding import current_step
from deployments.flags.services import gates
from deployments.models import Rollout

NOT_FROZEN = "Nothing is frozen there."
BY_ITSELF = "It goes on by itself."
BY_SOMEBODY = "Somebody promotes each step."
ON_TIME = "It may go on without a reason."
# What a page leaves away instead of refusing it.
OF_NO_USE = (NOT_FROZEN, ON_TIME, BY_ITSELF, BY_SOMEBODY)


def only(*statuses: str) -> Callable[[Rollout], str]:
    def when(rollout: Rollout) -> str:
        if rollout.status in statuses:
            return ""
        return f"It is {rollout.get_status_display().lower()}."

    return when


def startable(rollout: Rollout) -> str:
    return only("baseline_taken")(rollout) or " ".join(going.before_start(rollout))


def frozen(rollout: Rollout) -> str:
    return "" if gates.frozen(rollout.flag, rollout.environment_id) else NOT_FROZEN


def startable_anyway(rollout: Rollout) -> str:
    """Nothing but a freeze is in the way."""
    elsewhere = only("baseline_taken")(rollout) or frozen(rollout)
    if elsewhere:
        return elsewhere
    freeze = gates.frozen(rollout.flag, rollout.environment_id)
    return " ".join(each for each in going.before_start(rollout) if each != freeze)


def resumable(rollout: Rollout) -> str:
    return only("paused")(rollout) or going.changed_by_hand(rollout)


def on_time(rollout: Rollout) -> str:
    """Whether the step is through, by its time, its figures and what is around it."""
    elsewhere = only("running", "held")(rollout)
    step = None if elsewhere else current_step(rollout)
    if step is None:
        return elsewhere
    return " ".join([*going.too_early(step), *going.in_the_way(rollout)])


def before_its_time(rollout: Rollout) -> str:
    elsewhere = only("running", "held")(rollout)
    if elsewhere:
        return elsewhere
    freeze = gates.frozen(rollout.flag, rollout.environment_id)
    hard = [each for each in going.in_the_way(rollout) if each != freeze]
    return " ".join(hard) if hard else ("" if on_time(rollout) else ON_TIME)


def standing(rollout: Rollout) -> str:
    """Where it is and what was decided about it: going on is decided by both."""
    step = current_step(rollout)
    return f"{step.position}.{rollout.version}" if step is not None else ""


def asks(rollout: Rollout) -> bool:
    step = current_step(rollout) if rollout.is_watched else None
    return step is not None and step.verdict == "ask"


def changeable(rollout: Rollout) -> str:
    elsewhere = only("planned", "baseline_taken")(rollout)
    if elsewhere:
        return elsewhere
    asked = rollout.approval is not None and rollout.approval.status in ("open", "approved")
    return "Consent was asked for this plan: cancel it and plan another." if asked else ""


def nobody_asked(rollout: Rollout) -> str:
    return f"Nobody is asked about changes in {rollout.environment}."


def askable(rollout: Rollout) -> str:
    elsewhere = only("planned", "baseline_taken")(rollout)
    if elsewhere:
        return elsewhere
    if not is_needed(rollout):
        return nobody_asked(rollout)
    if is_given(rollout):
        return "Consent was given."
    approval = rollout.approval
    asks = approval is not None and approval.status == "open" and stands(rollout)
    return f"{approval.ref} asks already." if approval is not None and asks else ""


def steady(by_itself: bool) -> Callable[[Rollout], str]:
    """Of one under way that goes on by itself, or that does not."""

    def when(rollout: Rollout) -> str:
        wrong = rollout.automatic is not by_itself
        said = BY_ITSELF if rollout.automatic else BY_SOMEBODY
        return only("running", "held", "paused")(rollout) or (said if wrong else "")

    return when


def may_go_alone(rollout: Rollout) -> str:
    consented = rollout.approval is not None and rollout.approval.status == "approved"
    said = "It was consented to with somebody who promotes each step."
    return steady(by_itself=False)(rollout) or (said if consented else "")
