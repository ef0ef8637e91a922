"""What may stand in the way of a change: a freeze, and consent that is asked for first.

Freezes belong to deployments, which register here. A kill never comes by, and neither does what
only takes away: switching off, lowering a percentage. Where another flag is on as long as this one
is off, nothing only takes away: what goes off here goes on there, and is a change of both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from deployments.flags.models import Flag, FlagEnvironment, FlagState
from deployments.flags.services.noting import short_reason

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
    sentence = held_by_freeze(state, after)
    if sentence is None:
        return {}
    return pass_over(state.flag, sentence, actor=actor, override=override, reason=reason)


def pass_over(
    subject: Any, sentence: str, *, actor: Actor, override: bool, reason: str
) -> dict[str, Any]:
    """In spite of a freeze, for those who may, and never without saying why."""
    if not override:
        raise GateNotMet(sentence, details={"conditions": [sentence]})
    policy.require(actor, "flag.override", subject)
    return {"overrode": sentence, "why": short_reason(reason)}


def held_by_freeze(state: FlagState, after: dict[str, Any]) -> str | None:
    """Why this change there must wait, if it must."""
    if only_lowers(state.settings, after) and not waiting_for_off(state.flag, state.environment_id):
        return None
    return frozen(state.flag, state.environment_id)


def waiting_for_off(flag: Flag, environment_id: int) -> list[FlagState]:
    """Those that are on there where this one is off. Killed ones too: they may be enabled."""
    rows = FlagState.objects.filter(
        environment_id=environment_id,
        flag__workspace_id=flag.workspace_id,
        flag__archived_at=None,
        settings__on=True,
        settings__requires__contains=[{"flag": flag.flag_name, "enabled": False}],
    )
    return list(rows.exclude(flag=flag).select_related("flag").order_by("flag__flag_name"))


def asks_consent(state: FlagState, after: dict[str, Any]) -> bool:
    """Whether this change there is asked for first."""
    if not needs_consent(state.environment_id):
        return False
    if not only_switches_off(state.settings, after):
        return True
    return bool(waiting_for_off(state.flag, state.environment_id))


def needs_consent(environment_id: int) -> bool:
    rows = FlagEnvironment.objects.filter(environment_id=environment_id, needs_approval=True)
    return bool(rows.exists())


def pass_consent(state: FlagState, after: dict[str, Any]) -> None:
    """Where the workspace wants consent, only what switches off goes without, and only where no
    other flag goes on by it."""
    if not asks_consent(state, after):
        return
    others = waiting_for_off(state.flag, state.environment_id)
    names = ", ".join(each.flag.flag_name for each in others[:5])
    said = f"{names} is on there while this one is off. " if others else ""
    raise GateNotMet(
        f"{said}Changes in {state.environment} need consent. Ask for it by a change request.",
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
    return pass_over(flag, sentence, actor=actor, override=override, reason=reason)


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
