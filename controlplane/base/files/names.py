"""Names of files as somebody gave them. They are shown, and made into harmless ones for archives
and downloads; where a file is stored never depends on them."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MOST_SHOWN, MOST_SAFE = 200, 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")
# Devices to some system that unpacks an archive, whatever ending they have.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def shown(name: str) -> str:
    """The last part of a path, in whichever system's form, without what no line of text shows.
    Marks that turn the direction of writing go too: `exe.gnp` must not read as `png.exe`."""
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    plain = unicodedata.normalize("NFC", last)
    kept = "".join(each for each in plain if unicodedata.category(each)[0] != "C")
    return " ".join(kept.split())[-MOST_SHOWN:]


def safe(name: str) -> str:
    """A name that is one on every system: letters, digits, `.`, `_` and `-`, never a path, never
    hidden, never a device. What has no such letters is called by its hash."""
    given = shown(name)
    found = _ENDING.search(given.lstrip("."))
    ending = found[0].lower() if found else ""
    stem = given[: len(given) - len(ending)] if ending else given
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    if not ending and (last := _ENDING.search(plain.lstrip("."))):  # its letters had marks
        plain, ending = plain[: -len(last[0])], last[0].lower()
    stem = _UNSAFE.sub("-", plain).strip("-.")[: MOST_SAFE - len(ending)].rstrip("-.")
    if not stem or _DEVICES.fullmatch(stem):
        digest = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:8]
        stem = f"file-{digest}" if given else "file"
    return stem + ending
