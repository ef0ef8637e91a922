"""A mission's toolkits as its page and its card show them."""

from __future__ import annotations

from typing import Any

from controlplane.catalog.models import Integration
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from missions import guarding, links, packets
from missions.models import Mission, MissionToolkit, Override, ToolkitConnection
from missions.services.inspections import threshold
from missions.shown.deciding import Act, Ask, Tried, first_is_primary, refusal_of, with_trial
from missions.shown.guard_exceptions import decisions

_EARLY = ("define", "prepare")
_STATES = {"undecided": ("Undecided", "warn"), "approved": ("Approved", "good"),
           "dropped": ("Dropped", "neutral")}  # fmt: skip
_CONNECTIONS = {
    "initiated": ("Waits at the provider", "info"), "approved": ("Connected", "good"),
    "expired": ("Expired", "warn"), "revoked": ("Revoked", "neutral"),
    "failed": ("Failed", "warn"),
}  # fmt: skip
_RESULTS = {"pass": ("Passed", "good"), "warn": ("Warning", "warn"), "fail": ("Failed", "warn")}


def rows_of(mission: Mission) -> list[MissionToolkit]:
    return kept.of(
        mission,
        "toolkits",
        lambda rows: (
            rows.select_related("integration", "attested_by", "mission__workspace")
            .prefetch_related("connections", "inspections")
            .order_by("pk")
        ),
    )


def page(mission: Mission, actor: Actor, tried: Tried | None = None) -> dict[str, Any]:
    least = threshold(mission)
    asked = _gaps(mission)
    rows = [_row(each, mission, actor, least, asked, tried) for each in rows_of(mission)]
    rows.sort(key=lambda row: (row["kit"].status == "dropped", row["kit"].pk))
    first_is_primary(rows)
    return {
        "rows": rows,
        "least": least,
        "early": mission.stage in _EARLY and mission.is_open,
        "ask": _ask(mission, actor, tried),
        "kept": sum(row["kit"].status != "dropped" for row in rows),
        "hours": guarding.VERIFY_HOURS.value,
        "inspector": f"POST /api/v1/missions/{mission.ref}/toolkits",
    }


def _gaps(mission: Mission) -> dict[str, Override]:
    """What somebody asked to let pass of coverage, by the toolkit's uid."""
    rows = mission.overrides.filter(kind="coverage", status__in=["requested", "granted"])
    return {row.subject: row for row in rows.select_related("mission__workspace")}


def _row(
    kit: MissionToolkit, mission: Mission, actor: Actor, least: Any,
    asked: dict[str, Override], tried: Tried | None,
) -> dict[str, Any]:  # fmt: skip
    kit.mission = mission
    held = max(kit.connections.all(), key=lambda each: each.pk, default=None)
    looks = [each for each in kit.inspections.all() if each.read_only]
    last = max(looks, key=lambda each: (each.inspected_at, each.pk), default=None)
    gap = last is not None and (last.coverage_percent < least or last.result == "fail")
    override = asked.get(str(kit.uid))
    word, tone = _STATES[kit.status]
    acts = [*_decide(kit, mission, actor), *_hold(held, actor, str(kit.uid))]
    if gap and override is None:
        acts.append(_ask_gap(kit, mission, actor))
    if override is not None:
        acts += decisions(override, actor, at=str(kit.uid))
    return {
        "kit": kit,
        "at": str(kit.uid),
        "state": word,
        "tone": tone,
        "scopes": _scopes(kit, held),
        "held": held,
        "held_state": _CONNECTIONS[held.status] if held is not None else ("Not connected", ""),
        "last": last,
        "last_state": _RESULTS[last.result] if last is not None else ("Not inspected", ""),
        "gap": gap,
        "override": override,
        "next": _next(kit, held, last),
        "acts": with_trial(acts, tried),
    }


def _scopes(kit: MissionToolkit, held: ToolkitConnection | None) -> list[dict[str, str]]:
    """Each scope once, with what it is: the colour says no more than the word."""
    granted = held.granted_scopes if held is not None and held.status == "approved" else []
    found = []
    for scope in sorted({*kit.requested_scopes, *granted}):
        beyond = scope in granted and scope not in kit.approved_scopes
        tone, word = "neutral", "asked for"
        if beyond:
            tone, word = "warn", "held, not approved"
        elif scope in granted:
            tone, word = "good", "approved and held"
        elif scope in kit.approved_scopes:
            tone, word = "info", "approved"
        elif kit.status == "approved":
            word = "not approved"
        needed = ", needed" if scope in kit.minimum_scopes else ""
        found.append({"scope": scope, "tone": tone, "word": word + needed})
    return found


def _next(kit: MissionToolkit, held: ToolkitConnection | None, last: Any) -> str:
    """Whose turn it is, where nothing on the page does it."""
    if kit.status == "dropped":
        return ""
    if last is None:
        return "The inspector looks at its data read-only."
    if kit.status == "undecided":
        return "Operations Command decides on its scopes."
    if kit.attested_by_id is None:
        return "A governance validator or Operations Command attests to it."
    if held is None or held.status in {"expired", "revoked", "failed"}:
        return "The inspector connects it."
    if held.status == "initiated":
        return "Somebody answers at the provider's page."
    if held.drift:
        return "Whoever holds it gives scopes back; the inspector verifies it."
    return ""


def _decide(kit: MissionToolkit, mission: Mission, actor: Actor) -> list[Act]:
    at, name = str(kit.uid), kit.integration.name
    own = "" if actor.ref not in packets.theirs(mission) else "somebody whose mission it is not"
    early = mission.stage in _EARLY and mission.is_open
    may = refusal_of(actor, "mission.authorize", kit) or own
    version = Ask("version", kind="hidden", value=kit.version)
    found: list[Act] = []
    if kit.status == "undecided" and early:
        choices = [(each, _needed(kit, each)) for each in kit.requested_scopes]
        found.append(
            Act("approve", at, "Approve scopes…", "Approve", (
                version,
                Ask("scopes", "Scopes it may hold", "many", kit.requested_scopes, choices=choices),
                Ask("reason", "Why, if it is not plain"),
            ), may, primary=True, about=name)
        )  # fmt: skip
    if kit.status == "approved" and kit.attested_by_id is None and early:
        said = "The least that is needed, and its data may be used for this."
        found.append(
            Act("attest", at, "Attest…", "Attest", (
                version, Ask("text", "What you stand for", value=said, required=True),
            ), refusal_of(actor, "mission.attest", kit) or own, primary=True, about=name)
        )  # fmt: skip
    if kit.status != "dropped" and mission.is_open:
        found.append(
            Act("drop", at, "Drop…", "Drop it", (
                version, Ask("reason", "The mission does without it, because", required=True),
            ), may, about=name)
        )  # fmt: skip
    return found


def _needed(kit: MissionToolkit, scope: str) -> str:
    return f"{scope} (needed)" if scope in kit.minimum_scopes else scope


def _hold(held: ToolkitConnection | None, actor: Actor, at: str) -> list[Act]:
    if held is None or held.status not in {"initiated", "approved"}:
        return []
    return [
        Act("revoke", at, "Revoke…", "Revoke it", (
            Ask("connection", kind="hidden", value=str(held.uid)),
            Ask("reason", "It shall hold nothing any more, because", required=True),
        ), refusal_of(actor, "mission.disconnect", held), about="the connection")
    ]  # fmt: skip


def _ask_gap(kit: MissionToolkit, mission: Mission, actor: Actor) -> Act:
    return Act("ask_gap", str(kit.uid), "Ask to accept the gap…", "Ask", (
        Ask("reason", "It is enough, because", required=True),
    ), refusal_of(actor, "mission.except", mission))  # fmt: skip


def _ask(mission: Mission, actor: Actor, tried: Tried | None) -> Act | None:
    if mission.stage not in _EARLY or not mission.is_open:
        return None
    known = Integration.objects.filter(workspace_id=mission.workspace_id, is_active=True)
    choices = [(each.slug, each.name) for each in known.order_by("name")[:200]]
    act = Act("ask", "new", "Ask for a toolkit…", "Ask for it", (
        Ask("toolkit", "Toolkit", "choice", choices=choices),
        Ask("purpose", "What it is needed for"),
        Ask("requested_scopes", "Scopes", "text", most=8_000,
            help="One a line. Those without which it is of no use begin with an *."),
        Ask("mutating", "It will change something there", "check"),
    ), refusal_of(actor, "mission.toolkits", mission))  # fmt: skip
    return with_trial([act], tried)[0]


# --- On the mission's page ----------------------------------------------------------------------


def card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    rows = rows_of(mission)
    if not rows and mission.stage not in _EARLY:
        return None
    now = clock.now()
    lines, open_, drifted = [], 0, 0
    for kit in rows[:8]:
        held = max(kit.connections.all(), key=lambda each: each.pk, default=None)
        word, tone = _STATES[kit.status]
        live = held is not None and held.status == "approved" and not held.is_over(now)
        if kit.status == "approved" and held is not None:
            word, tone = _CONNECTIONS[held.status]
            if held.drift:
                word, tone, drifted = "Holds too much", "warn", drifted + 1
            elif held.status == "approved" and not live:
                word, tone = "Expired", "warn"
        open_ += kit.status == "undecided" or (kit.status == "approved" and not live)
        lines.append({
            "text": kit.integration.name, "url": f"{links.toolkits_of(mission)}#{kit.uid}",
            "note": ", ".join(kit.approved_scopes or kit.requested_scopes)[:120], "state": word,
            "tone": tone,
        })  # fmt: skip
    badge: Any = (len(rows), "good") if rows else ("None", "neutral")
    if drifted:
        badge = (f"{drifted} hold{'s' if drifted == 1 else ''} too much", "warn")
    elif open_:
        badge = (f"{open_} not ready", "warn")
    return {"badge": badge, "lines": lines, "empty": "No toolkit is asked for yet.",
            "link": "Toolkits"}  # fmt: skip
