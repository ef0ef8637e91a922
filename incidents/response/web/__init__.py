"""Pages and buttons of the answer to an incident."""

from incidents.response.web.updates import draft, post

__all__ = ["draft", "post"]
