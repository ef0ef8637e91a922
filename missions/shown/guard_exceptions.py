"""Exceptions as pages show them: what was asked, who may decide, until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.policy import role_label
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions import guarding, stages
from missions.models import Mission, Override
from missions.services import overrides
from missions.shown.deciding import Act, Ask, Tried, refusal_of, with_trial

_WORDS = {
    "requested": ("Waits", "info"), "granted": ("Let pass", "warn"),
    "denied": ("Denied", "neutral"), "revoked": ("Taken back", "neutral"),
    "expired": ("Over", "neutral"),
}  # fmt: skip
MOST = 60


def decisions(row: Override, actor: Actor, *, at: str) -> list[Act]:
    """Grant, deny or take back, in place."""
    hidden = (
        Ask("override", kind="hidden", value=str(row.uid)),
        Ask("version", kind="hidden", value=row.version),
    )
    refusal = overrides.refusal(actor, row)
    if row.status == Override.Status.REQUESTED:
        until = clock.now() + timedelta(days=guarding.OVERRIDE_DAYS.value)
        return [
            Act("grant", at, "Let it pass…", "Let it pass", (
                *hidden,
                Ask("expires_at", "Until (UTC)", "when", f"{until:%Y-%m-%dT%H:%M}",
                    help=f"At most {guarding.OVERRIDE_DAYS_MOST.value:g} days."),
                Ask("reason", "What speaks for it"),
            ), refusal, primary=True),
            Act("deny", at, "Deny…", "Deny it", (
                *hidden, Ask("reason", "Why not", required=True),
            ), refusal),
        ]  # fmt: skip
    if row.status == Override.Status.GRANTED:
        return [
            Act("take_back", at, "Take back…", "Take it back", (
                *hidden, Ask("reason", "It is let pass no longer, because", required=True),
            ), refusal)
        ]  # fmt: skip
    return []


def row_of(row: Override, actor: Actor, tried: Tried | None) -> dict[str, Any]:
    word, tone = _WORDS[row.status]
    if row.status == Override.Status.GRANTED and not row.stands():
        word, tone = "Over", "neutral"
    return {
        "override": row,
        "at": str(row.uid),
        "title": overrides.label_of(row),
        "kind": row.get_kind_display(),
        "state": word,
        "tone": tone,
        "for": role_label(overrides.role_for(row)),
        "acts": with_trial(decisions(row, actor, at=str(row.uid)), tried),
    }


def gates_and_gaps(
    mission: Mission, actor: Actor, tried: Tried | None = None
) -> list[dict[str, Any]]:
    """Those that are not of a finding, the open ones first."""
    rows = mission.overrides.exclude(kind="finding").select_related("mission__workspace")
    found = [row_of(row, actor, tried) for row in rows.order_by("-pk")[:MOST]]
    order = {"requested": 0, "granted": 1}
    return sorted(found, key=lambda each: order.get(each["override"].status, 2))


def ask_gate(mission: Mission, actor: Actor, tried: Tried | None) -> Act | None:
    if not mission.is_under_way:
        return None
    choices = [
        (slug, f"{stages.gate_of(slug).title} ({role_label(role)})")
        for slug, role in guarding.GATES.items()
    ]
    act = Act("ask_gate", "gate", "Ask to let a gate pass…", "Ask", (
        Ask("subject", "Gate, and who decides", "choice", choices=choices),
        Ask("reason", "It may go on without, because", required=True),
    ), refusal_of(actor, "mission.except", mission))  # fmt: skip
    return with_trial([act], tried)[0]
