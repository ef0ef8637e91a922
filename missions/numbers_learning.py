"""Numbers of feedback, the library and meetings."""

from __future__ import annotations

from controlplane.lib.defaults import define

REMIND_AFTER_H = define(
    "missions.feedback_reminder_h",
    48,
    unit="hours",
    why="two days to answer while it is fresh; then one reminder, and never another",
)
ANSWER_WITHIN_D = define(
    "missions.feedback_within_days",
    30,
    unit="days",
    why="participation is counted by month: who answers later speaks of something else",
)
MOST_ASKED = define(
    "missions.feedback_most_asked",
    50,
    unit="people",
    why="as many as work around one mission; whoever wants to ask everybody makes a survey",
)
TREND_MISSIONS = define(
    "missions.trend_missions",
    12,
    unit="missions",
    why="the last dozen of a type: enough to see a direction, few enough to be of today",
)
SUGGEST_RATING = define(
    "missions.library_suggest_rating",
    4.0,
    unit="of 5",
    why="missions that people rate so are worth making an asset of",
)
FOLLOWUP_LATEST_D = define(
    "missions.followup_latest_days",
    366,
    unit="days",
    why="what is further away than a year nobody follows up",
)
MOST_FOLLOWUPS = define(
    "missions.followups_most",
    50,
    unit="follow-ups",
    why="of one retrospective or meeting; a longer list is a project",
)
