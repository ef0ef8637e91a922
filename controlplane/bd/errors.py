"""What can go wrong, by where it must be said."""

from __future__ import annotations


class Trouble(Exception):
    """Ends the command with one clear line on stderr. Plain text also with `--json`: the folder,
    the network or the key is wrong, and no client parses that."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Usage(Trouble):
    """The command line itself. Its usage follows on stderr."""

    def __init__(self, message: str, *, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class Unreachable(Trouble):
    """No portal answers."""


class Refused(Exception):
    """The portal understood and said no."""

    def __init__(self, status: int, code: str, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id


class BadOption(Refused):
    """Found out here before asking; said as the portal would say it."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "INVALID", message)
