"""An executioner: asks for a review of its change, sleeps, mends what is found, asks again, and is
done when the thread is resolved.

    BASE=http://127.0.0.1:8000 KEY=cp_… python3 executioner.py --reviewer AGENT_ID [--mcp]
"""

from __future__ import annotations

from typing import Any

from talking import Agent, options, portal

CHANGE = """\
def mean(path):
    values = [float(line) for line in open(path)]
    return sum(values) / len(values)
"""
# What a real executioner would think about. For each finding what it tries first, then next.
FIXES = {
    "open-file": [
        ("    values = [float(line) for line in open(path)]\n",
         "    with open(path) as lines:\n        values = [float(line) for line in lines]\n"),
    ],
    "no-values": [
        ("    return sum(values) / len(values)\n",
         "    return sum(values) / max(len(values), 1)\n"),
        ("    return sum(values) / max(len(values), 1)\n",
         "    if not values:\n        raise ValueError('no values')\n"
         "    return sum(values) / len(values)\n"),
    ],
}  # fmt: skip


class Executioner(Agent):
    def ask(self, reviewer: str) -> str:
        """Begin the thread and ask for the review."""
        thread = self.portal.create_thread(
            title="Review of mean()", type="workflow", participants=[{"agent_id": reviewer}]
        )["thread_id"]
        self.tell(thread, "re_review_requested", "Please review this.", 0, code=CHANGE)
        return str(thread)

    def answer(self, thread: str, said: list[dict[str, Any]]) -> bool:
        if any(each["event_type"] == "thread_resolved" for each in said):
            return True
        asked = [each for each in said if "code" in each["metadata"]][-1]
        review = [each for each in said if each["seq"] > asked["seq"]]
        if not any(each["event_type"] == "review_finished" for each in review):
            return False
        code, last = asked["metadata"]["code"], 0
        for each in review:
            if each["event_type"] in ("finding_reported", "finding_rejected"):
                finding, last = each["metadata"]["finding_id"], each["seq"]
                old, new = FIXES[finding][self.tries(said, finding, before=asked["seq"])]
                code = code.replace(old, new)
                self.tell(thread, "fix_pushed", "Mended.", last, finding_id=finding)
        self.tell(thread, "re_review_requested", "Please look again.", last, code=code)
        return False

    def tries(self, said: list[dict[str, Any]], finding: str, before: int) -> int:
        """How often it was mended in earlier rounds."""
        pushed = [each for each in said if each["event_type"] == "fix_pushed"]
        return sum(each["metadata"]["finding_id"] == finding and each["seq"] < before
                   for each in pushed)  # fmt: skip


if __name__ == "__main__":
    parser = options("Have a change reviewed, and mend what is found.")
    parser.add_argument("--reviewer", required=True, help="the agent who reviews")
    given = parser.parse_args()
    agent = Executioner("executioner", portal(given.mcp), given.patience)
    agent.ask(given.reviewer)
    agent.run()
