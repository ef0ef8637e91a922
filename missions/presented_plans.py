"""What plans and runs tell the packages below: the words of the log."""

from __future__ import annotations

from controlplane.audit import words


def register() -> None:
    words.define(
        "mission",
        {
            "plan": "change/changed the plan of the mission",
            "plan:ranked": "rank/ranked plays for the mission",
            "plan:undo": "write/wrote how the mission is undone",
            "plan:notes": "write/wrote notes on the plan of the mission",
            "plan:risk": "write/wrote down a risk of the mission",
            "plan:withdrawn": "withdraw/withdrew the play",
            "plan:ready": "declare/declared the undo plan ready",
            "plan:draft": "open/opened the undo plan again",
            "select": "choose/chose the play",
            "select:proposed": "choose/chose another play instead of this one",
            "hooks": "check/checked the telemetry hooks of the mission",
            "hooks:missing": "find/found telemetry hooks of the mission missing",
            "staff": "say/said who watches over the mission",
            "staff:off": "cancel/cancelled a duty window of the mission",
            "undo": "undo/undid the mission",
            "undo:requested": "ask/asked for the undo",
            "undo:withdrawn": "withdraw/withdrew the undo",
            "undo:expired": "end/ended the time to undo",
            "execute": "execute/executed the mission",
            "execute:run:running": "begin/began to carry the mission out",
            "execute:undorun:running": "begin/began to take back what the mission did",
            "execute:finished": "finish/finished the run",
            "execute:aborted": "abort/aborted the run",
            "execute:completed": "complete/completed the undo",
            "execute:failed": "report/reported that the undo failed",
            "execute:step": "take/took a step that changes something in the mission",
            "execute:said": "say/said how a step of the mission ended",
            "execute:reported": "report/reported steps of the mission",
        },
    )
    words.define("undoplan", {"executed": "settle/settled the undo plan"})
