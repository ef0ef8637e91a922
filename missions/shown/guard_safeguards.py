"""A mission's safeguards as its page and its card show them."""

from __future__ import annotations

from typing import Any

from controlplane.lib import kept
from controlplane.lib.actors import Actor
from missions import guard_figures as figures
from missions import guarding, links, reads, stages
from missions.models import Finding, Mission, Mode, Safeguard, Severity
from missions.services import safeguards
from missions.shown.deciding import Act, Ask, Tried, first_is_primary, refusal_of, with_trial

_WORDS = {
    "suggested": ("Suggested", "info"), "accepted": ("Accepted", "good"),
    "edited": ("Accepted with changes", "good"), "rejected": ("Rejected", "neutral"),
}  # fmt: skip
_SLOTS = (("mo", "Mission Owner"), ("gv", "Governance Validator"))


def in_define(mission: Mission) -> bool:
    return mission.is_open and mission.stage == stages.FIRST


def page(mission: Mission, actor: Actor, tried: Tried | None = None) -> dict[str, Any]:
    rows = list(mission.safeguards.select_related("template").order_by("pk"))
    for each in rows:
        each.mission = mission
    shown = [_row(each, actor, tried) for each in rows]
    shown.sort(key=lambda row: (row["guard"].status != "suggested",
                                row["guard"].status == "rejected", row["guard"].pk))  # fmt: skip
    undecided = sum(each.status == "suggested" for each in rows)
    acks = safeguards.standing_acks(mission) if rows else {}
    top = {"acts": with_trial(_top(mission, actor, undecided, acks, rows), tried)}
    first_is_primary([top])
    refusal = refusal_of(actor, "mission.safeguards", mission) if in_define(mission) else ""
    for each in shown:
        each["acts"] = [] if refusal else each["acts"]
    return {
        "refusal": refusal,
        "rows": shown,
        "top": top,
        "undecided": undecided,
        "acks": [{"label": label, "ack": acks.get(slot)} for slot, label in _SLOTS],
        "earlier": bool(rows) and not acks and mission.safeguard_acks.exists(),
        "define": in_define(mission),
        "where": stages.get(mission.stage).label,
        "ask": _ask(mission, actor, tried),
    }


def _top(
    mission: Mission, actor: Actor, undecided: int, acks: Any, rows: list[Safeguard]
) -> list[Act]:
    if not in_define(mission):
        return []
    may = refusal_of(actor, "mission.safeguards", mission)
    digest = Ask("digest", kind="hidden", value=safeguards.digest(mission))
    if undecided:
        if may:
            return []  # said once, above them all
        label = f"Accept all {undecided}" if undecided > 1 else "Accept it"
        return [Act("accept_all", "all", label, asks=(digest,), primary=True)]
    if not rows or not mission.is_under_way:
        return []
    slot = safeguards.slot_of(actor, mission)
    if slot in acks or any(each.person_id == actor.user_id for each in acks.values()):
        return []
    refusal = refusal_of(actor, "mission.acknowledge", mission)
    if not refusal and not slot:
        refusal = "the mission owner and a governance validator acknowledge them"
    return [Act("acknowledge", "all", "I know these safeguards", asks=(digest,), refusal=refusal,
                primary=True)]  # fmt: skip


def _row(row: Safeguard, actor: Actor, tried: Tried | None) -> dict[str, Any]:
    word, tone = _WORDS[row.status]
    return {
        "guard": row,
        "at": str(row.uid),
        "state": word,
        "tone": tone,
        "params": figures.said(row.params),
        "acts": with_trial(_acts(row, actor), tried) if in_define(row.mission) else [],
    }  # fmt: skip


def _acts(row: Safeguard, actor: Actor) -> list[Act]:
    at, may = str(row.uid), refusal_of(actor, "mission.safeguards", row)
    version = Ask("version", kind="hidden", value=row.version)
    found = []
    if row.status in {"suggested", "rejected"}:
        found.append(Act("accept", at, "Accept", asks=(version,), refusal=may, about=row.title))
    found.append(
        Act("edit", at, "Change…", "Accept with these changes", (
            version,
            Ask("title", "Title", value=row.title, most=160, required=True),
            Ask("description", "What it asks", "text", row.description, most=16_000),
            Ask("severity", "How grave", "choice", row.severity, choices=Severity.choices),
            Ask("mode", "What a violation does", "choice", row.mode, choices=Mode.choices),
            Ask("auto_fix", "Agents may mend a violation themselves", "check", row.auto_fix),
            *_figures(row),
            Ask("reason", "Why it differs", required=True),
        ), may, about=row.title)
    )  # fmt: skip
    if row.status != "rejected":
        found.append(
            Act("reject", at, "Reject…", "Reject it", (
                version, Ask("reason", "It does not hold here, because", required=True),
            ), may, about=row.title)
        )  # fmt: skip
    return found


def _figures(row: Safeguard) -> tuple[Ask, ...]:
    """A field each, and one more."""
    found = []
    for each in figures.figures(row.params, row.category):
        label = f"{each.label} ({each.unit})" if each.unit else each.label
        found.append(
            Ask(figures.FIELD + each.name, label, "choice" if each.is_switch else "line",
                each.typed, most=figures.MOST_TEXT, choices=(("yes", "Yes"), ("no", "No")))
        )  # fmt: skip
    return (
        *found,
        Ask(figures.NEW_NAME, "Another figure", most=60, kind="new",
            help="What it is called, such as “largest discount”."),
        Ask(figures.NEW_VALUE, "Its value", most=figures.MOST_TEXT, kind="new",
            help="A number, or some words."),
        Ask(figures.NEW_UNIT, "Its unit", most=30, kind="new", help="Such as “percent”, or none."),
    )  # fmt: skip


def _ask(mission: Mission, actor: Actor, tried: Tried | None) -> Act | None:
    if not in_define(mission):
        return None
    act = Act("suggest", "new", "Add one in your words…", "Add it", (
        Ask("title", "Title", most=160, required=True),
        Ask("category", "Kind", "choice", choices=list(guarding.CATEGORIES.items())),
        Ask("severity", "How grave", "choice", "medium", choices=Severity.choices),
        Ask("mode", "What a violation does", "choice", "hint", choices=Mode.choices),
        Ask("justification", "Why it is there", "text", most=4_000, required=True),
    ), refusal_of(actor, "mission.suggest", mission))  # fmt: skip
    return with_trial([act], tried)[0]


# --- On the mission's page ----------------------------------------------------------------------


def card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    rows = reads.SAFEGUARDS.of(mission)
    if not rows and mission.stage != stages.FIRST:
        return None
    undecided = sum(row.status == "suggested" for row in rows)
    held = [row for row in rows if row.holds]
    open_ = kept.count(lambda mission: Finding.objects.open().filter(mission=mission), mission.pk)
    badge: Any = (f"{len(held)} hold", "good") if held else ("None", "neutral")
    if undecided:
        badge = (f"{undecided} undecided", "warn")
    if open_:
        badge = (f"{open_} open finding{'s' if open_ > 1 else ''}", "warn")
    acts = []
    if kept.of(mission, "findings", lambda rows: rows.order_by().values_list("pk")[:1]):
        acts = [{"text": "Findings and exceptions", "url": links.findings_of(mission)}]
    shown = [row for row in rows if row.status != "rejected"]
    return {
        "badge": badge,
        "lines": [
            {"text": row.title, "url": f"{links.safeguards_of(mission)}#{row.uid}",
             "note": row.get_mode_display().split(":")[0], "state": _WORDS[row.status][0],
             "tone": _WORDS[row.status][1]}
            for row in shown[:8]
        ],
        "empty": "None is suggested yet.",
        "link": "Safeguards",
        "acts": acts,
    }  # fmt: skip
