"""Answers to the gates of what guards a mission: its safeguards, its toolkits, what was found."""

from __future__ import annotations

from datetime import timedelta

from missions import guarding, links, reads
from missions.gates import registry
from missions.gates.kinds import Found, failed, not_applicable, passed, waiting
from missions.gates.looking import Look
from missions.gates.registry import provide
from missions.models import MissionToolkit, Override, Safeguard, ToolkitConnection
from missions.services import safeguards
from missions.services.inspections import threshold

_NAMED = 5


def _names(rows: list[str]) -> str:
    more = len(rows) - _NAMED
    return ", ".join(rows[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# --- Safeguards ---------------------------------------------------------------------------------


def _safeguards(look: Look) -> list[Safeguard]:
    return reads.SAFEGUARDS.of(look.mission)


@provide("safeguards_justified")
def safeguards_justified(look: Look) -> Found:
    page = ("Safeguards", links.safeguards_of(look.mission))
    rows = _safeguards(look)
    if not rows:
        return failed("None is suggested yet.", page)
    undecided = [row.title for row in rows if row.status == Safeguard.Status.SUGGESTED]
    if undecided:
        return failed(f"Not decided: {_names(undecided)}.", page)
    bare = [row.title for row in rows if row.holds and not row.template and not row.justification]
    if bare:
        return failed(f"Neither of a template nor justified: {_names(bare)}.", page)
    held = sum(row.holds for row in rows)
    rest = len(rows) - held
    rejected = f", {rest} rejected with a reason" if rest else ""
    return passed(f"{held} hold{'s' if held == 1 else ''}{rejected}.", page)


@provide("safeguards_acknowledged")
def safeguards_acknowledged(look: Look) -> Found:
    page = ("Safeguards", links.safeguards_of(look.mission))
    acks = safeguards.standing_acks(look.mission)
    missing = [label for slot, label in _SLOTS if slot not in acks]
    if not missing:
        return passed("Both know them as they stand.", page)
    earlier = look.mission.safeguard_acks.exists()
    changed = " They changed since." if earlier and not acks else ""
    return waiting(f"Waits for {' and '.join(missing)}.{changed}", page)


_SLOTS = (("mo", "the Mission Owner"), ("gv", "a Governance Validator"))


# --- Toolkits -----------------------------------------------------------------------------------


def _toolkits(look: Look) -> list[MissionToolkit]:
    return reads.TOOLKITS.of(look.mission)


def _kept(look: Look) -> list[MissionToolkit]:
    return [row for row in _toolkits(look) if row.status != MissionToolkit.Status.DROPPED]


def _connected(look: Look) -> dict[int, ToolkitConnection]:
    return reads.by_toolkit(reads.CONNECTED, look.mission)


@provide("toolkits_decided")
def toolkits_decided(look: Look) -> Found:
    page = ("Toolkits", links.toolkits_of(look.mission))
    rows = _toolkits(look)
    if not rows:
        return failed(
            "None is asked for.", page,
            mend="Whoever plans it asks for one; if it needs none, Operations Command lets this "
            "gate pass",
        )  # fmt: skip
    undecided = [str(row) for row in rows if row.status == MissionToolkit.Status.UNDECIDED]
    if undecided:
        return failed(f"Not decided: {_names(undecided)}.", page)
    kept = [row for row in rows if row.status == MissionToolkit.Status.APPROVED]
    unsaid = [str(row) for row in kept if row.attested_by_id is None]
    if unsaid:
        return failed(
            f"Nobody attested to: {_names(unsaid)}.", page,
            mend="A governance validator or Operations Command, in the toolkits",
        )  # fmt: skip
    dropped = len(rows) - len(kept)
    return passed(
        f"{len(kept)} approved and attested{f', {dropped} dropped' if dropped else ''}.", page
    )


@provide("inspected_first")
def inspected_first(look: Look) -> Found:
    page = ("Toolkits", links.toolkits_of(look.mission))
    rows = _kept(look)
    if not rows:
        return not_applicable("It works with no toolkit.")
    bare, late, wider, connected = [], [], [], _connected(look)
    looks = reads.by_toolkit(reads.FIRST_LOOKS, look.mission)
    last = reads.by_toolkit(reads.LAST_LOOKS, look.mission)
    for row in rows:
        first, held = looks.get(row.pk), connected.get(row.pk)
        if first is None:
            bare.append(str(row))
        elif row.widened_at is not None and last[row.pk].inspected_at < row.widened_at:
            wider.append(str(row))
        elif held is not None and held.connected_at and first.inspected_at > held.connected_at:
            late.append(str(row))
    if bare:
        return failed(f"Not inspected: {_names(bare)}.", page)
    if wider:
        return failed(f"Not inspected since more was asked for: {_names(wider)}.", page)
    if late:
        return failed(f"Connected before anybody looked: {_names(late)}.", page)
    return passed("Each was looked at read-only, before it was connected.", page)


@provide("scopes_granted")
def scopes_granted(look: Look) -> Found:
    page = ("Toolkits", links.toolkits_of(look.mission))
    rows = _kept(look)
    if not rows:
        return not_applicable("It works with no toolkit.")
    connected = _connected(look)
    bare, short, over, beyond = [], [], [], []
    for row in rows:
        held = connected.get(row.pk)
        if held is None:
            bare.append(str(row))
        elif held.is_over(look.now):
            over.append(str(row))
        elif set(row.minimum_scopes) - set(held.granted_scopes):
            short.append(str(row))
        elif set(held.granted_scopes) - set(row.approved_scopes):
            beyond.append(str(row))
    for words, which in (
        ("Not connected", bare), ("The authorization is over", over),
        ("Scopes are missing", short), ("Holds more than was approved", beyond),
    ):  # fmt: skip
        if which:
            return failed(f"{words}: {_names(which)}.", page)
    return passed(f"{len(rows)} connected, with what is needed and no more.", page)


@provide("data_coverage")
def data_coverage(look: Look) -> Found:
    """Each toolkit's last look covers enough, or a validator accepted the gap."""
    page = ("Toolkits", links.toolkits_of(look.mission))
    rows = _kept(look)
    if not rows:
        return not_applicable("It works with no toolkit.")
    least, accepted = threshold(look.mission), _accepted(look)
    bare, gaps, let = [], [], 0
    looks = reads.by_toolkit(reads.LAST_LOOKS, look.mission)
    for row in rows:
        last = looks.get(row.pk)
        if last is not None and last.coverage_percent >= least and last.result != "fail":
            continue
        if str(row.uid) in accepted:
            let += 1
        elif last is None:
            bare.append(str(row))
        else:
            gaps.append(f"{row} {last.coverage_percent.normalize():f} %")
    if bare:
        return failed(f"Not inspected: {_names(bare)}.", page)
    if gaps:
        return failed(f"Below {least.normalize():f} %: {_names(gaps)}.", page)
    more = f"; {let} gap{'s' if let > 1 else ''} accepted" if let else ""
    return passed(f"At least {least.normalize():f} %{more}.", page)


def _accepted(look: Look) -> set[str]:
    return {row.subject for row in _standing(look) if row.kind == "coverage"}


def _standing(look: Look) -> list[Override]:
    """Exceptions that were granted and whose time is not over."""
    rows = reads.OVERRIDES.of(look.mission)
    return [row for row in rows if row.stands(look.now)]


@provide("scopes_fresh")
def scopes_fresh(look: Look) -> Found:
    page = ("Toolkits", links.toolkits_of(look.mission))
    connected = _connected(look)
    if not connected:
        return not_applicable("It holds no connection.")
    since = look.now - timedelta(hours=guarding.VERIFY_HOURS.value)
    looked = look.now - timedelta(days=guarding.INSPECTION_DAYS.value)
    stale, old = [], []
    looks = reads.by_toolkit(reads.LAST_LOOKS, look.mission)
    for row in _kept(look):
        held = connected.get(row.pk)
        if held is not None and (held.verified_at is None or held.verified_at < since):
            stale.append(str(row))
        last = looks.get(row.pk)
        if last is not None and last.inspected_at < looked:
            old.append(str(row))
    if stale:
        hours = f"{guarding.VERIFY_HOURS.value:g}"
        return failed(f"Not verified for {hours} hours: {_names(stale)}.", page)
    if old:
        days = f"{guarding.INSPECTION_DAYS.value:g}"
        return failed(f"Not inspected for {days} days: {_names(old)}.", page)
    return passed("Scopes were verified and data was looked at lately.", page)


# --- Findings -----------------------------------------------------------------------------------


@provide("findings_closed")
def findings_closed(look: Look) -> Found:
    page = ("Findings", links.findings_of(look.mission))
    open_ = reads.OPEN_FINDINGS.of(look.mission)
    grave = [row for row in open_ if row.unhandled or row.severity in guarding.GRAVE]
    if grave:
        return failed(f"Open: {_names([str(row) for row in grave])}.", page)
    left = f" {len(open_)} smaller ones are." if open_ else ""
    return passed(f"No grave one is open.{left}", page)


# --- What is let pass ---------------------------------------------------------------------------


def let_pass(slug: str, look: Look) -> Found | None:
    """A gate that does not hold and that somebody of the right role let pass for a time."""
    role = guarding.GATES.get(slug)
    if role is None:
        return None
    wanted = ("gate", slug, role)
    row = next((each for each in reversed(_standing(look))
                if (each.kind, each.subject, each.role) == wanted), None)  # fmt: skip
    if row is None or row.expires_at is None:
        return None
    return passed(
        f"Let pass until {row.expires_at:%Y-%m-%d %H:%M} UTC: {row.reason}",
        ("Exceptions", links.findings_of(look.mission)),
    )


registry.LIFTS.append(let_pass)
