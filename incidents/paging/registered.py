"""What paging tells the packages below."""

from __future__ import annotations

from controlplane.audit import words
from controlplane.jobs import hands


def register() -> None:
    from incidents.paging import (  # noqa: F401 - pages, timers, the engine, the watch
        admin,
        answering,
        auditing,
        drill_admin,
        drilling,
        outage,
        replying,
        stepping,
    )

    replying.register()
    hands.beside(outage.beside)

    words.define(
        "paging",
        {
            "begin": "call/called people to the incident",
            "hurry": "call/called the next ones to the incident at once",
            "answer": "answer/answered the call",
            "call_off": "call/called off whoever was being called",
            "lapse": "let/let the acknowledgement lapse",
            "unanswered": "end/ended the calls, which nobody answered",
            "repaired": "mend/mended calls that were forgotten",
            "drill": "drill/drilled the paging",
            "rules": "say/said how one is called oneself",
            "policy": "keep/kept the policy of escalation",
        },
    )
