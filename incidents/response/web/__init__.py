"""Pages and buttons of the answer to an incident."""

from incidents.response.web.acting import act, do, undo
from incidents.response.web.updates import draft, post

__all__ = ["act", "do", "draft", "post", "undo"]
