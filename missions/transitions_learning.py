"""How feedback, training items and assets may move. The database holds to the same steps
(migration `…_learning_guards`)."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

_GIVE = Step("mission.feedback", "Give feedback")

FEEDBACK = TransitionTable(
    "missions.Feedback",
    initial="asked",
    steps={
        "asked": {
            "given": _GIVE,
            "declined": Step("mission.feedback", "Decline", primary=False),
        },
        "declined": {"given": _GIVE},
    },
)

_TRAIN = "mission.training"
_DONE = Step(_TRAIN, "Done")
_DROP = Step(_TRAIN, "Drop", primary=False)
_REOPEN = Step(_TRAIN, "Open again", primary=False)

TRAINING = TransitionTable(
    "missions.TrainingItem",
    initial="open",
    steps={
        "open": {"in_progress": Step(_TRAIN, "Begin"), "done": _DONE, "dropped": _DROP},
        "in_progress": {
            "done": _DONE,
            "open": Step(_TRAIN, "Put back", primary=False),
            "dropped": _DROP,
        },
        "done": {"open": _REOPEN},
        "dropped": {"open": _REOPEN},
    },
)

_PUBLISH = Step("library.publish", "Publish")
_RETIRE = Step("library.retire", "Retire", primary=False)

ASSET = TransitionTable(
    "missions.Asset",
    initial="draft",
    steps={
        "draft": {"published": _PUBLISH, "retired": _RETIRE},
        "published": {"retired": _RETIRE},
        # As it was: with what was published, or still a draft.
        "retired": {
            "published": Step("library.retire", "Bring back"),
            "draft": Step("library.retire", "Bring back"),
        },
    },
)
