"""Words of the log for what guards a mission."""

from __future__ import annotations

from controlplane.audit import words

WORDS = {
    "suggest": "suggest/suggested a safeguard of the mission",
    "suggest:defaults": "suggest/suggested the workspace's safeguards for the mission",
    "safeguards": "decide/decided on a safeguard of the mission",
    "safeguards:accepted": "accept/accepted a safeguard of the mission",
    "safeguards:edited": "accept/accepted a safeguard of the mission with changes",
    "safeguards:rejected": "reject/rejected a safeguard of the mission",
    "acknowledge": "acknowledge/acknowledged the safeguards of the mission",
    "templates": "change/changed the policy template",
    "templates:added": "add/added the policy template",
    "templates:changed": "change/changed the policy template",
    "templates:retired": "retire/retired the policy template",
    "templates:back": "bring/brought back the policy template",
    "find": "report/reported a finding of the mission",
    "find:failed": "find/found a safeguard of the mission violated",
    "find:auto_fixed": "mend/mended what a safeguard of the mission found",
    "find:open": "open/opened a finding of the mission again",
    "violation": "report/reported a violation that holds the mission",
    "violation:settled": "settle/settled the violation that held the mission",
    "resolve": "resolve/resolved a finding of the mission",
    "except": "ask/asked to let something of the mission pass",
    "override": "decide/decided what is let pass of the mission",
    "override:granted": "let/let something of the mission pass",
    "override:denied": "refuse/refused to let something of the mission pass",
    "override:revoked": "take/took back an exception of the mission",
    "override:expired": "end/ended an exception of the mission",
    "override:excepted": "let/let a finding of the mission pass",
    "override:open": "open/opened a finding of the mission again",
    "toolkits": "change/changed the toolkits of the mission",
    "toolkits:asked": "ask/asked for a toolkit of the mission",
    "toolkits:undecided": "ask/asked for other scopes of a toolkit of the mission",
    "toolkits:approved": "approve/approved scopes of the mission",
    "toolkits:dropped": "drop/dropped a toolkit of the mission",
    "toolkits:attested": "attest/attested to a toolkit of the mission",
    "authorize": "decide/decided on a toolkit of the mission",
    "authorize:approved": "approve/approved scopes of the mission",
    "authorize:dropped": "drop/dropped a toolkit of the mission",
    "inspect": "inspect/inspected data for the mission",
    "connect": "connect/connected a toolkit of the mission",
    "connect:initiated": "begin/began to connect a toolkit of the mission",
    "connect:connected": "connect/connected a toolkit of the mission",
    "connect:approved": "connect/connected a toolkit of the mission",
    "connect:scopes": "find/found other scopes on a connection of the mission",
    "connect:failed": "fail/failed to connect a toolkit of the mission",
    "connect:expired": "end/ended a connection of the mission that is over",
    "connect:revoked": "revoke/revoked a connection of the mission",
    "disconnect": "revoke/revoked a connection of the mission",
    "disconnect:revoked": "revoke/revoked a connection of the mission",
    "session": "end/ended an agent's session of the mission",
    "session:terminated": "end/ended an agent's session of the mission",
}


def register() -> None:
    words.define("mission", WORDS)
