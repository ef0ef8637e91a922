"""How the log tells what people did with alerts."""

from __future__ import annotations

from controlplane.audit import words


def register() -> None:
    words.define(
        "alert",
        {
            "source": "change/changed the source of alerts",
            "source:add": "add/added the source of alerts",
            "source:on": "switch/switched on the source of alerts",
            "source:off": "switch/switched off the source of alerts",
            "route": "change/changed the rule of routing",
            "route:add": "add/added the rule of routing",
            "route:remove": "remove/removed the rule of routing",
            "route:on": "switch/switched on the rule of routing",
            "route:off": "switch/switched off the rule of routing",
            "silence": "change/changed the silence",
            "silence:add": "make/made the silence",
            "resolve": "end/ended the alert",
            "reread": "order/ordered another reading of the message",
            "reread:add": "see/saw the message",
        },
    )
