"""What must hold before a window goes on: one list for the services that refuse and for the page
that says what is missing and who mends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from controlplane.lib import clock
from controlplane.lib.errors import GateNotMet
from controlplane.oncall import duty
from deployments.maintenance import links, numbers, packet, plans, standing
from deployments.models import Deployment, MaintenanceWindow

# Rules that somebody with the right may let a window go without, in words.
WAIVABLE = {
    "lead": "two weeks in advance",
    "hours": "Sundays 02:00 to 06:00 UTC",
    "tested": "the way back tested in staging",
    "notices": "everybody told in time",
    "watcher": "somebody on duty watches",
}
PEOPLE = "Whoever plans the window"
WAIVERS = "the release manager or the engineering lead may waive it"


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: holds, missing, waits (for a time, or for those who are asked), waived, or does not
    apply."""

    slug: str
    title: str
    state: str
    said: str = ""
    mend: str = ""
    link: str = ""

    @property
    def stands_in_the_way(self) -> bool:
        return self.state in {"missing", "waits"}


def require(found: Iterable[Check], what: str) -> None:
    missing = [check for check in found if check.stands_in_the_way]
    if missing:
        told = [f"{check.title}: {check.said}" for check in missing]
        raise GateNotMet(f"{what} {' '.join(told)}"[:900], details={"conditions": told})


def _check(
    window: MaintenanceWindow,
    slug: str,
    title: str,
    holds: bool,
    *,
    good: str = "",
    bad: str = "",
    mend: str = "",
    link: str = "",
    applies: bool = True,
    waits: bool = False,
) -> Check:
    if not applies:
        return Check(slug, title, "does not apply")
    if holds:
        return Check(slug, title, "holds", good)
    waived = window.waiver(slug)
    if waived is not None:
        return Check(slug, title, "waived", f"{waived['reason']}")
    if slug in WAIVABLE and not waits:
        mend = f"{mend}; {WAIVERS}" if mend else WAIVERS.capitalize()
    return Check(slug, title, "waits" if waits else "missing", bad, mend, link)


# --- Before it has its time -------------------------------------------------------------------


def before_schedule(window: MaintenanceWindow, now: datetime | None = None) -> list[Check]:
    """For the time it has, which may not be stored yet."""
    now = now or clock.now()
    ours = window.is_ours and not window.is_emergency
    apart = standing.in_the_way(window)
    days = numbers.LEAD_DAYS.value
    return [
        _check(
            window,
            "ahead",
            "It lies ahead",
            window.ends_at > now if window.is_emergency else window.starts_at > now,
            bad="Its time has passed.",
            mend=f"{PEOPLE}: give it another time",
        ),
        _check(
            window,
            "lead",
            "Two weeks in advance",
            window.starts_at >= now + plans.lead(),
            good=f"At least {days} days ahead.",
            bad=f"It begins in less than {days} days.",
            mend=f"{PEOPLE}: a later time",
            applies=ours,
        ),
        _check(
            window,
            "hours",
            "In the quiet hours",
            plans.in_quiet_hours(window.starts_at, window.ends_at),
            good="Sunday, 02:00 to 06:00 UTC.",
            bad="It is not within a Sunday, 02:00 to 06:00 UTC.",
            mend=f"{PEOPLE}: another time",
            applies=ours,
        ),
        _check(
            window,
            "apart",
            "Nothing else is done there then",
            apart is None,
            good="No other window of ours touches it.",
            bad=standing.named(apart) if apart is not None else "",
            mend=f"{PEOPLE}: another time, or move the other one",
            link=links.window(apart) if apart is not None else "",
            applies=window.is_ours,
        ),
    ]


# --- Before anybody is asked for consent ------------------------------------------------------


def before_consent(window: MaintenanceWindow) -> list[Check]:
    tasks = standing.tasks(window)
    ours = window.is_ours and not window.is_emergency
    return [
        _check(
            window,
            "rollback",
            "There is a way back",
            bool(window.rollback_plan.strip()),
            good="The rollback plan is written.",
            bad="No rollback plan is written.",
            mend=f"{PEOPLE}: change the window",
            applies=ours,
        ),
        _check(
            window,
            "tested",
            "The way back was tested in staging",
            window.tested_in_staging,
            good=_tested(window),
            bad="Nobody recorded a test of it.",
            mend="Whoever tests it: record the test",
            applies=ours,
        ),
        _check(
            window,
            "subtasks",
            "The work is split into subtasks",
            bool(tasks),
            good=f"{len(tasks)} subtask{'s' * (len(tasks) != 1)}.",
            bad="It has none.",
            mend=f"{PEOPLE}: add some, or take a template",
            applies=ours,
        ),
    ]


def _tested(window: MaintenanceWindow) -> str:
    at = window.tested_at
    return f"Tested {at:%Y-%m-%d %H:%M} UTC." if at is not None else ""


# --- Before it begins -------------------------------------------------------------------------


def before_start(window: MaintenanceWindow, now: datetime | None = None) -> list[Check]:
    now = now or clock.now()
    if not window.is_ours:
        return [_announced(window)]
    return [
        _consented(window),
        _announced(window),
        _watched(window, max(now, window.starts_at)),
        _told(window),
        _in_time(window, now),
        _alone(window),
    ]


def _consented(window: MaintenanceWindow) -> Check:
    request = window.approval
    given = request is not None and request.status == "approved"
    moved = given and not packet.stands(window)
    words = "Nobody was asked yet." if request is None else (
        f"{request.ref} is {request.get_status_display().lower()}."
    )  # fmt: skip
    if moved and request is not None:
        words = f"{request.ref} is about something else than what stands here now."
    again = request is None or moved
    return _check(
        window,
        "consent",
        "Whoever must consent did",
        given and not moved,
        good=words,
        bad=words,
        mend=f"{PEOPLE}: ask for consent" if again else "Those who are asked, under Approvals",
        link=links.request(request) if request is not None else "",
        waits=request is not None and request.status == "open",
    )  # fmt: skip


def _announced(window: MaintenanceWindow) -> Check:
    missing, ahead = standing.unsaid(window)
    said = f"Missing: {', '.join(missing)}." if missing else "It has no time yet."
    if ahead and not missing:
        said = f"Still to leave: {', '.join(ahead)}."
    return _check(
        window,
        "notices",
        "Everybody was told in time",
        window.revision > 0 and not missing and not ahead,
        good="All notices have left in time.",
        bad=said,
        mend="They leave by themselves when they are due; another time gives them theirs again",
        waits=bool(ahead) and not missing,
        applies=not (window.is_emergency and not window.user_facing),
    )


def _watched(window: MaintenanceWindow, at: datetime) -> Check:
    person = window.watcher
    on = person is not None and duty.is_on_duty(person, workspace=window.workspace_id, at=at)
    return _check(
        window,
        "watcher",
        "Somebody on duty watches",
        on,
        good=f"{_called(person)} is on duty then.",
        bad=f"{_called(person)} is not on duty then." if person is not None else "Nobody is named.",
        mend=f"{PEOPLE}: name who is on duty, or let them take the shift",
        link="/admin/oncall/board/",
    )


def _called(person: Any) -> str:
    return str(person.name or person.email) if person is not None else "Nobody"


def _told(window: MaintenanceWindow) -> Check:
    untold = standing.leads_untold(window) if window.is_emergency else []
    return _check(
        window,
        "leads",
        "Engineering lead and product manager are told",
        not untold,
        good="Both were told.",
        bad=f"Not told: {', '.join(untold)}.",
        mend="They are told when it is scheduled",
        applies=window.is_emergency,
    )


def _in_time(window: MaintenanceWindow, now: datetime) -> Check:
    over = now >= window.ends_at
    early = now < window.starts_at and not window.is_emergency
    return _check(
        window,
        "time",
        "Its time has come",
        not over and not early,
        good=f"Until {window.ends_at:%Y-%m-%d %H:%M} UTC.",
        bad="Its time is over." if over else f"It begins {window.starts_at:%Y-%m-%d %H:%M} UTC.",
        mend=f"{PEOPLE}: give it another time" if over else "Wait for it",
        waits=early,
    )


def _alone(window: MaintenanceWindow) -> Check:
    other = standing.in_the_way(window, under_way=True)
    going = (
        Deployment.objects.of(window.workspace).into(window.environment)
        .filter(status__in=("deploying", "verifying"))
        .exclude(item__parent=window.item_id or 0)
        .first()
    )  # fmt: skip
    said, link = "", ""
    if other is not None:
        said, link = standing.named(other), links.window(other)
    elif going is not None:
        said = f"{going.ref} is {going.get_status_display().lower()} there."
        link = links.deployment(going)
    return _check(
        window,
        "alone",
        "Nothing else is under way there",
        not said,
        good="Nothing is.",
        bad=said,
        mend="Wait for it",
        link=link,
    )


# --- Before it is closed ----------------------------------------------------------------------


def before_close(window: MaintenanceWindow, now: datetime | None = None) -> list[Check]:
    now = now or clock.now()
    until = window.monitor_until
    still = [task for task in standing.tasks(window) if task.category != "done"]
    hours = timedelta(hours=numbers.WATCH_HOURS.value)
    return [
        _check(
            window,
            "watched",
            f"Watched for {hours.total_seconds() / 3600:g} hours",
            until is not None and now >= until,
            good="The watch is over.",
            bad=f"Until {until:%Y-%m-%d %H:%M} UTC." if until is not None
            else "The work is not done yet.",
            mend="Wait for its end; or roll back",
            waits=True,
        ),
        _check(
            window,
            "children",
            "Every subtask is closed",
            not still,
            good="All are.",
            bad=f"Open: {', '.join(task.key for task in still[:8])}.",
            mend="Whoever works on them",
            link=links.row(window.item) if window.item is not None else "",
            waits=window.status == "in_progress",
        ),
    ]  # fmt: skip


class Look:
    """All that is asked of a window at one moment, each list computed once: a page shows several
    things that rest on the same answers."""

    def __init__(self, window: MaintenanceWindow, now: datetime | None = None) -> None:
        self.window, self.now = window, now or clock.now()

    @cached_property
    def schedule(self) -> list[Check]:
        return before_schedule(self.window, self.now)

    @cached_property
    def consent(self) -> list[Check]:
        return before_consent(self.window) if self.window.is_ours else []

    @cached_property
    def start(self) -> list[Check]:
        return before_start(self.window, self.now)

    @cached_property
    def close(self) -> list[Check]:
        return before_close(self.window, self.now) if self.window.is_ours else []

    @property
    def pending(self) -> Sequence[Check]:
        """On the way to its next step and the one after."""
        status = self.window.status
        if status == "draft":
            return [*self.schedule, *self.consent]
        if status in {"scheduled", "announced", "approved"}:
            return [*self.consent, *self.start]
        return self.close if status in {"in_progress", "monitoring"} else []


def pending(window: MaintenanceWindow, now: datetime | None = None) -> Sequence[Check]:
    return Look(window, now).pending
