"""What the portal holds about one person, as they may take it with them: a zip of JSON files."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from controlplane.access.models import User
from controlplane.access.rules import require_own
from controlplane.access.services.authority import require_over_person
from controlplane.audit.services import record
from controlplane.base.data_rules import Person, PersonalData, personal_data
from controlplane.lib import clock
from controlplane.lib.actors import Actor

_ABOUT = """What this portal holds about you, as of {at} UTC.

index.json names each file, what is in it, and what is kept when you ask for erasure, and why.
Each file is a list of rows as they are stored; moments are in UTC. Secrets (passwords, keys of
authenticator apps, keys of the API) are not part of it: the portal stores none of them in the
clear.
"""


def require_export(user: User, *, actor: Actor) -> None:
    """One's own, signed in as oneself; anybody else's by the privacy officer of every workspace
    they are in."""
    if actor.user_id == user.pk:
        require_own(actor, user, "export")
        return
    require_over_person(actor, "privacy.export", user, former=True)


def export(user: User, *, actor: Actor) -> io.BytesIO:
    """The archive, complete, ready to be read from its start."""
    require_export(user, actor=actor)
    person, at = Person(user.pk, user.email, user.name), clock.now()
    out = io.BytesIO()  # packed: a year of somebody busy is a few megabytes
    with transaction.atomic(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        index = [_write(archive, entry, person, at) for entry in personal_data if entry.export]
        about = {"person": str(user.uid), "at": at, "portal": settings.VERSION, "files": index}
        _put(archive, "index.json", _json(about), at)
        _put(archive, "README.txt", _ABOUT.format(at=f"{at:%Y-%m-%d %H:%M}"), at)
        record(
            actor,
            "privacy.export",
            user,
            details={"files": len(index), "rows": sum(one["rows"] for one in index)},
        )
    out.seek(0)
    return out


def _write(
    archive: zipfile.ZipFile, entry: PersonalData, person: Person, at: datetime
) -> dict[str, Any]:
    rows = entry.export(person) if entry.export is not None else []
    name = f"{entry.slug}.json"
    _put(archive, name, _json([dict(row) for row in rows]), at)
    told: dict[str, Any] = {"file": name, "what": entry.what, "rows": len(rows)}
    if entry.keeps:
        told["kept_when_erased"] = entry.keeps
    return told


def _put(archive: zipfile.ZipFile, name: str, text: str, at: datetime) -> None:
    entry = zipfile.ZipInfo(name, date_time=at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)
