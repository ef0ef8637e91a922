"""What incidents tell the packages below: words of the log, what the console shows."""

from __future__ import annotations

from controlplane.audit import words
from controlplane.work import services as work
from incidents.records import holding
from incidents.response import wordings
from incidents.shown import console


def register() -> None:
    console.register()
    wordings.register()
    work.stays_open.append(holding.stays_open)
    words.define(
        "incident",
        {
            "open": "open/opened the incident",
            "acknowledge": "acknowledge/acknowledged the incident",
            "triage": "triage/triaged the incident",
            "triage:triaged": "triage/triaged the incident",
            "triage:change": "change/changed the severity of the incident",
            "mitigate": "work/worked on the incident",
            "mitigate:mitigating": "begin/began to mitigate the incident",
            "mitigate:mitigated": "mitigate/mitigated the incident",
            "resolve": "resolve/resolved the incident",
            "resolve:monitoring": "watch/watched the incident",
            "resolve:mitigating": "open/opened the incident again",
            "escalate": "call/called others to the incident",
            "lead": "say/said who leads the incident",
            "merge": "merge/merged the incident",
            "cancel": "cancel/cancelled the incident as a false alarm",
            "close": "close/closed the incident",
            "close:review_pending": "plan/planned the review of the incident",
            "missed": "miss/missed a target of the incident",
            "update": "say/said how the incident goes on",
            "update:draft": "draft/drafted a message about the incident",
            "update:drop": "drop/dropped a draft about the incident",
            "act:flag_off": "switch/switched a flag off for the incident",
            "act:pause_missions": "pause/paused missions for the incident",
            "act:trip_breaker": "open/opened a circuit breaker for the incident",
            "act:rate_limit": "limit/limited a rate for the incident",
            "act:rollback": "roll/rolled a deployment back for the incident",
            "act:wake_agent": "wake/woke an agent for the incident",
            "act:block_item": "block/blocked a work item for the incident",
            "act:runbook_step": "run/ran a step of a runbook for the incident",
            "act:scale": "say/said that capacity was added",
            "act:fix": "say/said which deployment brings the fix",
            "act:undo": "take/took back what was done for the incident",
            "act:refused": "act/acted against the incident, which was refused",
            "split": "split/split another incident off",
            "correct": "say/said something better on the timeline of the incident",
            "respond": "keep/kept what happens by itself",
            "respond:on": "let/let it happen by itself",
            "respond:dry": "let/let it only be said what would happen by itself",
            "respond:off": "switch/switched off what happens by itself",
            "respond:remove": "remove/removed what happens by itself",
            "play": "begin/began to play the incident",
            "would": "act/would have acted by itself",
            "check": "look/looked whether it works again",
            "decide": "decide/decided something about the incident",
            "publish": "tell/told customers of the incident",
            "levels": "change/changed the ladder of severities",
            "levels:remove": "put/put back the shipped severity",
        },
    )
