"""Feedback Insights: effort saved, satisfaction, what the library gains."""

from __future__ import annotations

from telemetry.measures.elsewhere import ratings
from telemetry.measures.table.words import area, these

_add = area("feedback")
_FEEDBACK = these("feedback_submitted")
_DONE = these("mission_completed")

_add("feedback.effort_saved", "Effort saved", "h", "sum", _FEEDBACK, better="higher")
_add("feedback.effort_mean", "Effort saved per mission", "h", "mean", _FEEDBACK, better="higher")
_add(
    "feedback.count",
    "Feedback given",
    "",
    "count",
    _FEEDBACK,
    over=(_FEEDBACK, _DONE),
    about="By code: the rating.",
)
_add(
    "feedback.rating",
    "Satisfaction",
    "",
    "computed",
    compute=ratings.mean,
    better="higher",
    groups=(),
    about="The mean of the ratings given.",
)
_add(
    "feedback.participation",
    "Missions with feedback",
    "%",
    "missions_share",
    _FEEDBACK,
    over=_DONE,
    better="higher",
    target=80.0,
    min_sample=5,
)
_add(
    "library.contributions",
    "Library contributions",
    "",
    "count",
    these("library_contribution"),
    over=(these("library_contribution"), _DONE),
    better="higher",
    about="By code: the category.",
)
_add(
    "library.reuse_potential",
    "Reuse potential",
    "",
    "mean",
    these("library_contribution"),
    better="higher",
)
_add("evidence.opened", "Evidence opened", "", "count", these("evidence_opened"))
_add("followups.scheduled", "Follow-ups scheduled", "", "count", these("followup_scheduled"))
_add(
    "retrospectives.logged",
    "Retrospectives",
    "%",
    "missions_share",
    these("mission_retrospective_logged"),
    over=_DONE,
    better="higher",
)
