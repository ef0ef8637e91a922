"""What waking tells the packages below."""

from __future__ import annotations

from controlplane.audit import words


def register() -> None:
    from missions.threads import guarding  # noqa: F401 - consumes what guards tell
    from missions.threads.waking import reconciling, watching  # noqa: F401

    words.define(
        "thread",
        {
            "wake": "ask/asked to wake somebody in the thread",
            "wake:held": "hold/held a wake back",
            "wake:dead": "give/gave up waking somebody in the thread",
            "wake:off": "take/took a wake back",
            "force": "force/forced a wake in the thread",
            "kill": "end/ended a command that was to wake somebody",
            "requeue": "try/tried a wake again that was given up",
            "guarded": "open/opened a work item about the blocked thread",
        },
    )
