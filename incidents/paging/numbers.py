"""The numbers of paging."""

from __future__ import annotations

from controlplane.lib.defaults import define

BATCH = define(
    "paging.batch", 500, unit="runs", why="Steps taken in one transaction; a kill undoes one batch."
)
CATCH_ALL_S = define(
    "paging.catch_all_s",
    300,
    unit="seconds",
    why="As long as the playbooks give the primary: then the ladder begins again.",
)
CATCH_UP_S = define(
    "paging.catch_up_s",
    60,
    unit="seconds",
    why="After a standstill whoever is called next is called this much later, not all at once.",
)
TROUBLE_S = define(
    "paging.trouble_s",
    30,
    unit="seconds",
    why="A step that could not be taken is tried again this soon, and holds up no other.",
)
FURTHER_S = define(
    "paging.further_s",
    120,
    unit="seconds",
    why="Somebody who kept no rules is called by telephone after this long without an answer.",
)
STEPS_MOST = define("paging.steps_most", 12, unit="steps", why="A ladder people can still read.")
TARGETS_MOST = define("paging.targets_most", 20, unit="targets", why="More is a mailing list.")
WAIT_LEAST = define(
    "paging.wait_least_s", 30, unit="seconds", why="Nobody finds their telephone any faster."
)
WAIT_MOST = define("paging.wait_most_s", 86_400, unit="seconds", why="A day: nobody waits for it.")
REPEATS_MOST = define("paging.repeats_most", 9, unit="times", why="As other pagers have it.")
UNACK_S = define(
    "paging.unack_s",
    1800,
    unit="seconds",
    why="Acknowledged and then silence: others are called, where its level says nothing else.",
)
REMIND_S = define(
    "paging.unack_reminder_s",
    300,
    unit="seconds",
    why="Whoever acknowledged is reminded this long before others are called.",
)
LATE_S = define(
    "paging.late_s",
    30,
    unit="seconds",
    why="A step or page this long after its time means that nobody takes it.",
)
