"""What paging tells the packages below."""

from __future__ import annotations

from controlplane.audit import words


def register() -> None:
    from incidents.paging import answering, stepping  # noqa: F401 - timers, the engine's module

    words.define(
        "paging",
        {
            "begin": "call/called people to the incident",
            "hurry": "call/called the next ones to the incident at once",
            "answer": "answer/answered the call",
            "call_off": "call/called off whoever was being called",
            "lapse": "let/let the acknowledgement lapse",
            "unanswered": "end/ended the calls, which nobody answered",
            "policy": "keep/kept the policy of escalation",
        },
    )
