"""What missions tell the packages below: the owner of approvals, the words of the log."""

from __future__ import annotations

from controlplane.approvals import owners
from controlplane.audit import words
from missions.desk import files, sections, terms
from missions.desk import registered as desk
from missions.services import checkpoints


def register() -> None:
    owners.register(
        checkpoints.OWNER,
        label="Mission",
        on_decided=checkpoints.on_decided,
        on_closed=checkpoints.on_closed,
        on_lent=checkpoints.on_lent,
        on_exported=checkpoints.on_exported,
        current_packet=checkpoints.current_packet,
        hold=checkpoints.hold_for,
        link=checkpoints.link_for,
        desk_link=desk.link_for,
        sections=sections.sections,
        terms=terms.of_request,
        previews=files.previews,
    )
    desk.register()
    words.define(
        "mission",
        {
            "create": "plan/planned the mission",
            "change": "change/changed the mission",
            "brief": "write/wrote in the brief of the mission",
            "lock": "lock/locked the brief of the mission",
            "lock:back": "bring/brought the mission back to Define",
            "unlock": "open/opened the brief of the mission again",
            "start": "start/started the mission",
            "tick": "tick/ticked the checklist of the mission",
            "tick:open": "take/took back a tick of the mission",
            "evidence": "change/changed the evidence of the mission",
            "evidence:on": "link/linked evidence of the mission",
            "evidence:off": "remove/removed evidence of the mission",
            "move": "bring/brought the mission to its next stage",
            "move:prepare": "bring/brought the mission to Prepare",
            "move:plan_approve": "bring/brought the mission to Plan & Approve",
            "move:execute_observe": "bring/brought the mission to Execute & Observe",
            "move:reflect_improve": "bring/brought the mission to Reflect & Improve",
            "move:completed": "complete/completed the mission",
            "send_back": "send/sent back the mission",
            "pause": "pause/paused the mission",
            "resume": "resume/resumed the mission",
            "cancel": "cancel/cancelled the mission",
            "fail": "give/gave up the mission",
            "archive": "archive/archived the mission",
            "archive:off": "bring/brought the mission back from the archive",
            "import": "import/imported the mission",
            "share": "change/changed who of other houses reads the mission",
            "share:on": "show/showed the mission to somebody of another house",
            "share:off": "stop/stopped showing the mission to somebody of another house",
        },
    )
