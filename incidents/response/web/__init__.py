"""Pages and buttons of the answer to an incident."""

from incidents.response.web.acting import act, do, undo
from incidents.response.web.people import check, decision, role, split
from incidents.response.web.updates import draft, post

__all__ = ["act", "check", "decision", "do", "draft", "post", "role", "split", "undo"]
