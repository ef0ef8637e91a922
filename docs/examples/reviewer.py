"""A reviewer: sleeps until somebody asks for a review, reports what it finds, looks at each fix,
and resolves the thread when nothing is left.

    BASE=http://127.0.0.1:8000 KEY=cp_… python3 reviewer.py [--mcp]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from talking import Agent, options, portal

# What a real reviewer would think about. Each: its name, what is wrong, whether the code is right.
CHECKS: list[tuple[str, str, Callable[[str], bool]]] = [
    ("open-file", "The file is never closed.", lambda code: "with open(" in code),
    ("no-values", "Without values it divides by zero; say so instead.",
     lambda code: "raise ValueError" in code),
]  # fmt: skip


class Reviewer(Agent):
    def answer(self, thread: str, said: list[dict[str, Any]]) -> bool:
        asked = next((each for each in reversed(said) if "code" in each["metadata"]), None)
        if asked is None:
            return False
        # As it stood when it was asked: whoever stopped halfway comes to the same words again.
        known = {each["metadata"]["finding_id"]: each["event_type"] for each in said
                 if each["event_type"] in ("finding_reported", "finding_verified")
                 and each["seq"] < asked["seq"]}  # fmt: skip
        wrong = 0
        for finding, text, is_right in CHECKS:
            right = is_right(asked["metadata"]["code"])
            wrong += not right
            event = self.verdict(known.get(finding), right)
            if event:
                self.tell(thread, event, text, asked["seq"], finding_id=finding)
        if wrong:
            self.tell(thread, "review_finished", "Over to you.", asked["seq"])
            return False
        self.tell(thread, "thread_resolved", "Nothing is left to find.", asked["seq"])
        self.portal.move(thread, "resolved", "All findings are verified.")
        return True

    def verdict(self, before: str | None, right: bool) -> str:
        if before == "finding_reported":
            return "finding_verified" if right else "finding_rejected"
        return "" if right else "finding_reported"


if __name__ == "__main__":
    given = options("Review what others ask to have reviewed.").parse_args()
    Reviewer("reviewer", portal(given.mcp), given.patience).run()
