"""What threads tell the packages below: the words of the log."""

from __future__ import annotations

from controlplane.audit import words


def register() -> None:
    words.define(
        "thread",
        {
            "create": "begin/began the thread",
            "change": "change/changed the thread",
            "post": "write/wrote in the thread",
            "people": "change/changed who takes part in the thread",
            "people:add": "add/added somebody to the thread",
            "people:remove": "take/took somebody out of the thread",
            "resolve": "resolve/resolved the thread",
            "reopen": "open/opened the thread again",
            "close": "close/closed the thread",
            "escalate": "block/blocked the thread",
            "unblock": "unblock/unblocked the thread",
            "override": "close/closed the thread at once",
            "pause": "pause/paused wakes",
            "pause:off": "let/let wakes go on",
            "typing": "keep/kept a runtime for whoever types there",
            "typing:off": "let/let a runtime be woken again",
            "policy": "keep/kept a rule of escalation",
            "policy:off": "remove/removed a rule of escalation",
            "archive": "put/put the thread away",
            "clear": "remove/removed what was said, by its time",
            "runtime": "register/registered a runtime",
            "runtime:off": "sign/signed a runtime off",
        },
    )
