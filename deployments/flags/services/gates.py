"""What may stand in the way of a change: a freeze, and consent that is asked for first.

Freezes belong to deployments, which register here. A kill never comes by, and neither does what
only takes away: switching off, lowering a percentage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from deployments.flags.models import Flag, FlagEnvironment, FlagState

# (flag, environment id) -> the sentence that refuses, or None.
Freeze = Callable[[Flag, int], str | None]
FREEZES: list[Freeze] = []


def register_freeze(freeze: Freeze) -> Freeze:
    FREEZES.append(freeze)
    return freeze


def frozen(flag: Flag, environment_id: int) -> str | None:
    """Why changes there must wait, if they must."""
    return next((found for each in FREEZES if (found := each(flag, environment_id))), None)


def pass_freeze(
    state: FlagState, after: dict[str, Any], *, actor: Actor, override: bool, reason: str
) -> dict[str, Any]:
    """Refuse during a freeze, or say for the record that it was passed over."""
    if only_lowers(state.settings, after):
        return {}
    sentence = frozen(state.flag, state.environment_id)
    if sentence is None:
        return {}
    if not override:
        raise GateNotMet(sentence, details={"conditions": [sentence]})
    policy.require(actor, "flag.override", state.flag)
    return {"overrode": sentence, "why": reason}


def needs_consent(environment_id: int) -> bool:
    rows = FlagEnvironment.objects.filter(environment_id=environment_id, needs_approval=True)
    return bool(rows.exists())


def pass_consent(state: FlagState, after: dict[str, Any]) -> None:
    """Where the workspace wants consent, only what switches off goes without."""
    if only_switches_off(state.settings, after) or not needs_consent(state.environment_id):
        return
    raise GateNotMet(
        f"Changes in {state.environment} need consent. Ask for it by a change request.",
        details={"conditions": ["a change request that was consented to"]},
    )


def pass_values(flag: Flag, *, actor: Actor, override: bool, reason: str) -> dict[str, Any]:
    """Both sides' values are the same everywhere: who changes them changes what each environment
    serves that is on. A kill does not lift that, for the flag may be enabled the moment after."""
    rows = FlagState.objects.filter(flag=flag, settings__on=True).select_related("environment")
    states = list(rows.order_by("environment__order", "pk"))
    for state in states:
        if needs_consent(state.environment_id):
            raise GateNotMet(
                f"It is on in {state.environment}, where changes need consent. Make another flag"
                " with these values, or switch it off there, and ask for it to go on.",
                details={"conditions": [f"off in {state.environment.slug}"]},
            )
    sentences = (frozen(flag, state.environment_id) for state in states)
    sentence = next((each for each in sentences if each), None)
    if sentence is None:
        return {}
    if not override:
        raise GateNotMet(sentence, details={"conditions": [sentence]})
    policy.require(actor, "flag.override", flag)
    return {"overrode": sentence, "why": reason}


def only_switches_off(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return not after["on"] and {**before, "on": False} == after


def only_lowers(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Off, or the same rules with percentages that are no higher."""
    if before["on"] and not after["on"]:
        return {**before, "on": False} == after
    rules, fewer = before["rules"], after["rules"]
    if {**before, "rules": []} != {**after, "rules": []} or len(rules) != len(fewer):
        return False
    return all(
        {**old, "percent": 0} == {**new, "percent": 0} and new["percent"] <= old["percent"]
        for old, new in zip(rules, fewer, strict=True)
    )
