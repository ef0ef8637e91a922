"""Numbers of the rotas, by name."""

from __future__ import annotations

from controlplane.lib import defaults

ROSTER_WEEKS = defaults.define(
    "oncall.roster_weeks",
    4,
    unit="weeks",
    why="The playbook publishes the rota, and its gaps are looked for, this far ahead.",
)
HEADS_UP_HOURS = defaults.define(
    "oncall.heads_up_hours",
    24,
    unit="hours",
    why="Whoever comes on duty next hears of it while they can still ask for a swap.",
)
GAP_NEAR_HOURS = defaults.define(
    "oncall.gap_near_hours",
    24,
    unit="hours",
    why="A gap this near calls whoever can fill it, whatever they wish not to hear.",
)
NOTE_GRACE_MIN = defaults.define(
    "oncall.note_grace_min",
    30,
    unit="minutes",
    why="What a note takes that nobody began before the shift ended; then the next one is told.",
)
NOTE_UNREAD_HOURS = defaults.define(
    "oncall.note_unread_hours",
    2,
    unit="hours",
    why="A note that nobody reads in the first hours of a shift was written for nobody.",
)
LONGEST_TURN = defaults.define(
    "oncall.longest_turn_days",
    56,
    unit="days",
    why="Longer is no rotation; how far a look-up has to read follows from it.",
)
LONGEST_OVERRIDE = defaults.define(
    "oncall.longest_override_days",
    92,
    unit="days",
    why="Somebody who stands in for longer belongs into the rotation.",
)
OVERRIDE_AHEAD = defaults.define(
    "oncall.override_ahead_days", 400, unit="days", why="As far as calendars are fed."
)
MOST_PEOPLE = defaults.define(
    "oncall.most_people", 50, unit="people", why="In one rotation; with more nobody knows it."
)
MOST_LAYERS = defaults.define(
    "oncall.most_layers", 10, unit="layers", why="More is several schedules."
)
MOST_SHIFTS = defaults.define(
    "oncall.most_shifts", 5_000, unit="shifts", why="What one answer or calendar may hold."
)
FEED_BACK = defaults.define(
    "oncall.feed_days_back", 30, unit="days", why="Calendars forget what a feed no longer says."
)
FEED_AHEAD = defaults.define(
    "oncall.feed_days_ahead",
    400,
    unit="days",
    why="People plan holidays a year ahead; shorter feeds draw complaints elsewhere.",
)
CALENDAR_BYTES = defaults.define(
    "oncall.calendar_bytes",
    1024 * 1024,
    unit="bytes",
    why="A year of a rota is some tens of kilobytes; a form carries this much twice.",
)
CALENDAR_SHIFTS = defaults.define(
    "oncall.calendar_shifts", 1_000, unit="shifts", why="Several a day for a year are no rota."
)
CALENDAR_S = defaults.define(
    "oncall.calendar_seconds", 8, unit="seconds", why="Longer nobody waits for a page."
)
CALENDAR_MIB = defaults.define(
    "oncall.calendar_mib", 512, unit="MiB", why="The largest calendar takes a tenth of it."
)
