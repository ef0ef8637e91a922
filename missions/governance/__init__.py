"""The governance check: sixteen questions over missions, asked regularly and before they execute.

What it finds has a work item each, for as long as it is found. A rule about what missions don't
know is reserved: an app above provides it (`BOOK.provide("G13")`) or adds to one that is answered
here (`BOOK.add_to("G9")`). What nobody answers is not applicable, which is not green.
"""

from missions.governance import rules as _rules  # noqa: F401  (fills the book)
from missions.governance.kinds import BOOK, Scope
from missions.governance.looking import Report, look
from missions.governance.running import ask, check, sign

__all__ = ["BOOK", "Report", "Scope", "ask", "check", "look", "sign"]
