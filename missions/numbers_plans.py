"""Numbers of plans, undoing and runs."""

from __future__ import annotations

from controlplane.lib import defaults

MOST_PLAYS = 3
MOST_PRECEDENTS = 5
MOST_STEPS = 50
MOST_UNDO_STEPS = 100
MOST_RISKS = 50
MOST_REPORTS = 500

UNDO_WINDOW = defaults.define(
    "missions.undo_window_minutes",
    15,
    unit="minutes",
    why="How long after its last change a mission may be taken back, where its plan says nothing.",
)
LONGEST_WINDOW = defaults.define(
    "missions.undo_window_longest_minutes",
    43_200,
    unit="minutes",
    why="What changed a month ago others have built on: taking it back is a mission of its own.",
)
UNDO_TRIES = defaults.define(
    "missions.undo_tries",
    3,
    unit="tries a step",
    why="As agents try a call; after that another way is taken, or people are.",
)
CALLS_PER_MINUTE = defaults.define(
    "missions.toolkit_calls_per_minute",
    60,
    unit="calls per minute, mission and toolkit",
    why="The safeguards' own default; one mission must not use up what all of them share.",
)
STUCK_MINUTES = defaults.define(
    "missions.stuck_minutes",
    30,
    unit="minutes",
    why="Agents tell of themselves each half minute: half an hour of silence is no long step.",
)
