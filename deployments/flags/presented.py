"""What flags tell the packages below: owners of approvals, words of the log, timers."""

from __future__ import annotations

from controlplane.approvals import owners
from controlplane.audit import words
from deployments.flags.services import requests


def register() -> None:
    owners.register(
        requests.OWNER,
        label="Change of a feature flag",
        on_decided=requests.on_decided,
        on_closed=requests.on_closed,
        current_packet=requests.current_packet,
        hold=requests.hold_for,
        link=requests.link_for,
    )
    words.define(
        "flag",
        {
            "create": "make/made the flag",
            "change": "change/changed the flag",
            "change:archive": "archive/archived the flag",
            "change:restore": "restore/restored the flag",
            "kill": "switch/switched off the flag",
            "enable": "switch/switched on the flag",
            "segment": "change/changed the segment",
            "segment:add": "add/added the segment",
            "segment:remove": "remove/removed the segment",
            "schedule": "schedule/scheduled a change of the flag",
            "stale": "mark/marked as stale the flag",
            "stale:off": "clear/cleared as in use the flag",
            "tokens:issue": "make/made the SDK token",
            "tokens:revoke": "revoke/revoked the SDK token",
            "govern": "change/changed the consent asked for",
            "govern:on": "put/put under consent",
            "govern:off": "free/freed from consent",
        },
    )
    words.define(
        "scheduledchange",
        {"applied": "apply/applied", "failed": "give/gave up"},
    )
    words.define(
        "changerequest",
        {
            "approved": "accept/accepted",
            "applied": "apply/applied",
            "rejected": "refuse/refused",
            "returned": "send/sent back",
            "withdrawn": "withdraw/withdrew",
            "expired": "let/let expire",
            "void": "void/voided",
        },
    )
