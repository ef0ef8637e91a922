"""The playbooks' numbers for maintenance."""

from __future__ import annotations

from controlplane.lib import defaults

LEAD_DAYS = defaults.define(
    "maintenance.lead_days",
    14,
    unit="days",
    why="The playbook schedules maintenance two weeks in advance.",
)
WEEK_DAYS = defaults.define(
    "maintenance.week_notice_days",
    7,
    unit="days",
    why="Customers are told a week before.",
)
DAY_HOURS = defaults.define(
    "maintenance.day_notice_hours",
    24,
    unit="hours",
    why="Customers are told once more a day before.",
)
FROM_HOUR = defaults.define(
    "maintenance.from_hour",
    2,
    unit="hour, UTC",
    why="The quiet hours of the playbook are Sundays from two in the morning.",
)
UNTIL_HOUR = defaults.define(
    "maintenance.until_hour",
    6,
    unit="hour, UTC",
    why="The quiet hours of the playbook are Sundays until six in the morning.",
)
WATCH_HOURS = defaults.define(
    "maintenance.watch_hours",
    4,
    unit="hours",
    why="The playbook watches for four hours after maintenance.",
)
QUIET_HOURS = defaults.define(
    "maintenance.quiet_hours",
    4,
    unit="hours",
    why="Work that runs over keeps its alerts silent; a window that nobody ended, not for ever.",
)
REVIEW_HOURS = defaults.define(
    "maintenance.review_hours",
    48,
    unit="hours",
    why="An emergency is reviewed within two days.",
)
TELL_SHARE = defaults.define(
    "maintenance.tell_share",
    50,
    unit="%",
    why="A notice of a week or a day with less than this of its time left lets nobody prepare.",
)
LATE_MINUTES = defaults.define(
    "maintenance.late_minutes",
    15,
    unit="minutes",
    why="A notice that leaves later than this after its time says that it is late.",
)
UNSTARTED_MINUTES = defaults.define(
    "maintenance.unstarted_minutes",
    15,
    unit="minutes",
    why="Announced work that nobody began this long after its time is asked about.",
)
REMIND_DAYS = defaults.define(
    "maintenance.quarter_remind_days",
    30,
    unit="days",
    why="A quarter into which nothing is planned after a month is asked about while two are left.",
)
LONGEST_HOURS = defaults.define(
    "maintenance.longest_hours",
    72,
    unit="hours",
    why="What takes longer is no window. Typed times that are years apart are a slip.",
)
FURTHEST_DAYS = defaults.define(
    "maintenance.furthest_days",
    730,
    unit="days",
    why="Nobody plans further ahead than two years; such a time is a slip.",
)
