"""Words of the log for what is learnt from missions, for the library and for meetings."""

from __future__ import annotations

from controlplane.audit import words

MISSION = {
    "feedback": "say/said how the mission went",
    "feedback:given": "give/gave feedback on the mission",
    "feedback:changed": "change/changed feedback on the mission",
    "feedback:declined": "decline/declined to give feedback on the mission",
    "ask_feedback": "ask/asked people how the mission went",
    "ask_feedback:reminded": "remind/reminded somebody to give feedback on the mission",
    "retrospective": "write/wrote in the retrospective of the mission",
    "retrospective:written": "write/wrote in the retrospective of the mission",
    "retrospective:counted": "take/took the figures of the mission's retrospective anew",
    "retrospective:follows": "note/noted what follows the mission",
    "retrospective:dropped": "drop/dropped what was to follow the mission",
    "classify": "classify/classified what of the mission can be used again",
    "classify:classified": "classify/classified what of the mission can be used again",
    "classify:trained": "look/looked at what people should learn from the mission",
    "training": "change/changed the training item",
    "training:added": "add/added the training item",
    "training:changed": "change/changed the training item",
    "training:in_progress": "begin/began the training item",
    "training:open": "open/opened the training item again",
    "training:done": "finish/finished the training item",
    "training:dropped": "drop/dropped the training item",
}
LIBRARY = {
    "write": "write/wrote a draft of the asset",
    "write:added": "add/added the asset to the library",
    "write:discarded": "discard/discarded the draft of the asset",
    "write:described": "describe/described the asset",
    "publish": "publish/published a version of the asset",
    "publish:published": "publish/published the asset",
    "use": "note/noted that a mission is planned from the asset",
    "retire": "retire/retired the asset",
    "retire:retired": "retire/retired the asset",
    "retire:published": "bring/brought back the asset",
    "retire:draft": "bring/brought back the asset",
}
MEETING = {
    "hold": "hold/held the meeting",
    "hold:begun": "begin/began the meeting",
    "hold:noted": "write/wrote notes of the meeting",
    "hold:closed": "close/closed the notes of the meeting",
    "hold:missed": "record/recorded that the meeting was not held",
    "hold:follows": "note/noted what follows the meeting",
    "hold:dropped": "drop/dropped what was to follow the meeting",
    "schedule": "plan/planned meetings",
    "schedule:planned": "plan/planned the meetings",
    "schedule:moved": "move/moved the meetings",
    "schedule:ended": "end/ended the meetings",
}


def register() -> None:
    words.define("mission", MISSION)
    words.define("library", LIBRARY)
    words.define("meeting", MEETING)
