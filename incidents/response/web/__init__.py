"""Pages and buttons of the answer to an incident."""

from incidents.response.web.acting import act, do, undo
from incidents.response.web.people import check, decision, role, split
from incidents.response.web.timeline import better, export, timeline, tree
from incidents.response.web.updates import draft, post

__all__ = [
    "act",
    "better",
    "check",
    "decision",
    "do",
    "draft",
    "export",
    "post",
    "role",
    "split",
    "timeline",
    "tree",
    "undo",
]
