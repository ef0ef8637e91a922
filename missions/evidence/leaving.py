"""What leaves the house: values without names of people, refs, keys and addresses of the portal.

The redactor knows what looks like a secret or a personal datum. Who works here it doesn't know:
their names stand in comments, in texts of agents, in file names. Each of them is left out wherever
it stands as it is written in the account, whole or by its parts of four letters and more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from controlplane.access.models import User
from controlplane.lib.redaction import MARK, redact, redact_text
from missions.evidence import tree
from missions.models import Artifact, Mission

Cleaner = Callable[[str], str]
_MOST_PEOPLE = 5_000
_SHORTEST = 4  # letters of a part of a name that is left out by itself
_REF = re.compile(r"\b(?:(?:user|agent|service|job|key):[\w.@-]{1,80}|APR-\d{1,9}\b)")
_UID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_PAGE = re.compile(r"(?<![\w.])/(?:admin|desk|api)/[^\s\"'<>)\]]{0,500}")
# An address leads into the house, and may carry a key to it.
_ADDRESSES = frozenset({"url", "link"})
_ENDING = re.compile(r"\.([a-z0-9]{1,8})$", re.IGNORECASE)


def cleaner_for(mission: Mission) -> Cleaner:
    """Of running text that was redacted already."""
    names = _names(mission.workspace_id)
    people = re.compile(rf"(?<!\w)(?:{'|'.join(names)})(?!\w)") if names else None

    def clean(text: str) -> str:
        for pattern in (_REF, _UID, _PAGE):
            text = pattern.sub(MARK, text)
        return people.sub(MARK, text) if people is not None else text

    return clean


def _names(workspace_id: int) -> list[str]:
    """As patterns, the longest first: whoever was a member ever is meant."""
    rows = User.objects.filter(memberships__workspace_id=workspace_id).distinct()
    found: set[str] = set()
    for name, email in rows.order_by("pk").values_list("name", "email")[:_MOST_PEOPLE]:
        parts = [part for part in name.split() if len(part) >= _SHORTEST and part[0].isupper()]
        found.update([name, email, *parts])
    told = sorted((each.strip() for each in found if len(each.strip()) > 1), key=len, reverse=True)
    return [r"\s+".join(re.escape(word) for word in each.split()) for each in told]


def cleaned(value: Any, clean: Cleaner) -> Any:
    """A JSON-like value, redacted, and then each text and name of a field."""
    return _walk(redact(value), clean)


def _walk(value: Any, clean: Cleaner) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in _ADDRESSES}
        return {clean(str(name)): _walk(each, clean) for name, each in kept.items()}
    if isinstance(value, list | tuple):
        return [_walk(each, clean) for each in value]
    return value


def text(value: str, clean: Cleaner) -> str:
    return clean(redact_text(value))


def path_of(row: Artifact) -> str:
    """Where a file stands out there: nothing of the name that somebody gave it."""
    before = Artifact.objects.filter(mission_id=row.mission_id, pk__lte=row.pk).count()
    ending = _ENDING.search(row.path)
    return f"{tree.folder(row.visit)}/file-{before}{ending[0].lower() if ending else ''}"
