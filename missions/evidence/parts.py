"""What a bundle holds beside files: told by whoever owns it.

    from missions.evidence.parts import bundle_part

    bundle_part("safeguards", read=outcomes_of)

`read` answers plain JSON values for a mission, or None where there is nothing to tell. It stands in
the bundle as `mission/<name>.json`; of an export for outside readers, redacted. Only what stays the
same while nothing happens: a clock in it would make another bundle of the same evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from missions.models import Mission

Read = Callable[[Mission], Any]
PARTS: dict[str, Read] = {}


def bundle_part(name: str, read: Read) -> None:
    if not name.isidentifier():
        raise ValueError(f"{name} is no name of a file")
    if PARTS.setdefault(name, read) is not read:
        raise ValueError(f"two parts of a bundle are called {name}")
