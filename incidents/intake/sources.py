"""Sources of alerts: made, given a key, changed, switched off."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock, prepared, sealed
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from incidents.intake.formats.common import labels_of
from incidents.intake.formats.generic import check_mapping
from incidents.models import AlertSource
from incidents.models.sources import SEALED_FOR, Severity

# PagerDuty's clients ask for 32 characters: every key has them, so that any format may be spoken.
KEY_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits
_MOST_GROUPED = 10
PORTAL_NAME = "This portal"


class Keyed(NamedTuple):
    source: AlertSource
    key: str  # shown once


@transaction.atomic
def create_source(
    workspace: Workspace, *, actor: Actor, name: str, format: str, **given: Any
) -> Keyed:
    policy.require(actor, "alert.source", workspace)
    offered = [value for value in AlertSource.Format.values if value != "portal"]
    if format not in offered:
        raise refuse("format", f"One of {', '.join(offered)}.")
    key = _new_key()
    row = AlertSource(
        workspace=workspace,
        name=line("name", name, 80, required=True),
        format=format,
        created_by=actor.ref[:80],
        **_key_fields(key),
        **_read(workspace.pk, given),
    )
    _save(row, force_insert=True)
    record(actor, "alert.source", row, after=_shown(row), details={"what": "created"})
    return Keyed(row, key)


@transaction.atomic
def change_source(source: AlertSource, *, actor: Actor, **given: Any) -> AlertSource:
    policy.require(actor, "alert.source", source)
    row = _held(source)
    before = _shown(row)
    if "name" in given:
        row.name = line("name", given.pop("name"), 80, required=True)
    for name, value in _read(row.workspace_id, given).items():
        setattr(row, name, value)
    row.version += 1
    _save(row)
    record(actor, "alert.source", row, before=before, after=_shown(row))
    return row


@transaction.atomic
def renew_key(source: AlertSource, *, actor: Actor, reason: str) -> Keyed:
    """Another key; the one before opens nothing from now on."""
    policy.require(actor, "alert.source", source)
    row = _held(source)
    if row.format == AlertSource.Format.PORTAL:
        raise Conflict("The portal sends itself: there is no key.")
    key = _new_key()
    for name, value in _key_fields(key).items():
        setattr(row, name, value)
    row.version += 1
    row.save(update_fields=["key_hash", "key_tail", "keyed_at", "version"])
    record(actor, "alert.source", row, reason=line("reason", reason, 500, required=True),
           details={"what": "key renewed"})  # fmt: skip
    return Keyed(row, key)


@transaction.atomic
def switch_source(source: AlertSource, *, actor: Actor, on: bool, reason: str) -> AlertSource:
    policy.require(actor, "alert.source", source)
    row = _held(source)
    if row.is_active == on:
        return row
    row.is_active, row.version = on, row.version + 1
    row.save(update_fields=["is_active", "version"])
    record(actor, "alert.source", row, reason=line("reason", reason, 500, required=True),
           before={"is_active": not on}, after={"is_active": on})  # fmt: skip
    return row


# What stands of a source beside what moves with every call, and of the rows it is read with.
_STANDS = """
    SELECT md5(ROW(s.id, s.version, s.name, s.format, s.key_hash, s.secret_sealed, s.mapping,
            s.severity, s.labels, s.group_by, s.operates, s.per_minute, w.xmin, w.ctid,
            s.service_id, v.xmin, v.ctid, s.environment_id, e.xmin, e.ctid)::text)
    FROM incidents_alertsource s
    JOIN access_workspace w ON w.id = s.workspace_id
    LEFT JOIN catalog_service v ON v.id = s.service_id
    LEFT JOIN catalog_environment e ON e.id = s.environment_id
    WHERE s.key_hash = %(hash)s AND s.is_active AND w.archived_at IS NULL
"""
_MOST_KNOWN = 500
_known: OrderedDict[str, tuple[str, AlertSource]] = OrderedDict()


def find(key: str) -> AlertSource | None:
    """Whose key this is, while it opens anything. Each process keeps those it read, and asks with
    each call whether they stand."""
    if len(key) != KEY_LENGTH or not (key.isascii() and key.isalnum()):
        return None
    hashed = hash_of(key)
    found = prepared.rows(_STANDS, {"hash": hashed})
    if not found:
        return None
    stands = found[0][0]
    known = _known.get(hashed)
    if known is not None and known[0] == stands:
        return known[1]
    rows = AlertSource.objects.filter(key_hash=hashed, is_active=True, workspace__archived_at=None)
    row: AlertSource | None = rows.select_related("workspace", "service", "environment").first()
    if row is not None:
        _known[hashed] = (stands, row)
        if len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return row


def portal_source(workspace: Workspace | int) -> AlertSource:
    """What the portal finds by itself comes from here; one for each workspace, made when first
    needed."""
    pk = workspace.pk if isinstance(workspace, Workspace) else workspace
    rows = AlertSource.objects.select_related("workspace", "service", "environment")
    found: AlertSource | None = rows.filter(workspace=pk, format="portal").first()
    if found is None:
        AlertSource.objects.bulk_create(
            [
                AlertSource(
                    workspace_id=pk, name=PORTAL_NAME, format="portal", created_by="job:incidents"
                )
            ],
            ignore_conflicts=True,
        )
        found = rows.get(workspace=pk, format="portal")
    return found


def hash_of(key: str) -> str:
    """Keys are 32 random characters: nothing is gained by a slow hash, and each call needs it."""
    return hashlib.sha256(key.encode()).hexdigest()


def _new_key() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))


def _key_fields(key: str) -> dict[str, Any]:
    return {"key_hash": hash_of(key), "key_tail": key[-4:], "keyed_at": clock.now()}


def _held(source: AlertSource) -> AlertSource:
    row: AlertSource = AlertSource.objects.select_for_update().get(pk=source.pk)
    return row


def _save(row: AlertSource, **how: Any) -> None:
    try:
        with transaction.atomic():
            row.save(**how)
    except IntegrityError as error:
        raise Conflict(
            "There is a source of this name already.", details={"name": "Taken."}
        ) from error


_FIELDS = frozenset(
    {"about", "severity", "service", "environment", "labels", "group_by", "per_minute", "mapping",
     "operates", "secret"}
)  # fmt: skip


def _read(workspace_id: int, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(given) - _FIELDS
    if unknown:
        raise refuse(sorted(unknown)[0], "There is no such field.")
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name == "secret":
            found["secret_sealed"] = sealed.seal(text("secret", value or "", 200), SEALED_FOR)
        else:
            found[name] = _value(workspace_id, name, value)
    return found


def _value(workspace_id: int, name: str, value: Any) -> Any:
    if name == "about":
        return line("about", value, 400)
    if name == "severity":
        if value not in Severity.values:
            raise refuse("severity", f"One of {', '.join(Severity.values)}.")
        return value
    if name in {"service", "environment"}:
        kind = Service if name == "service" else Environment
        if value is not None and (
            not isinstance(value, kind) or value.workspace_id != workspace_id
        ):
            raise refuse(name, "There is none of that name here.")
        return value
    if name == "labels":
        if not isinstance(value, Mapping):
            raise refuse("labels", "An object of names and values.")
        return labels_of(value)
    if name == "group_by":
        return _names(value)
    if name == "mapping":
        return check_mapping(value)
    if name == "operates":
        if not isinstance(value, bool):
            raise refuse("operates", "True or false.")
        return value
    return _per_minute(value)


def _names(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise refuse("group_by", "A list of names of labels.")
    if len(value) > _MOST_GROUPED:
        raise refuse("group_by", f"At most {_MOST_GROUPED}.")
    return [line("group_by", each, 100, required=True) for each in value]


def _per_minute(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise refuse("per_minute", "A whole number from 1 on, or none.")
    return value


def _shown(row: AlertSource) -> dict[str, Any]:
    return {
        "name": row.name, "format": row.format, "severity": row.severity,
        "service": plain(row.service), "environment": plain(row.environment),
        "labels": row.labels, "group_by": row.group_by, "per_minute": row.per_minute,
        "mapping": row.mapping, "operates": row.operates, "signs": bool(row.secret_sealed),
    }  # fmt: skip


def heard(source: AlertSource) -> None:
    """It called, whatever came of it."""
    AlertSource.objects.filter(pk=source.pk).update(last_at=clock.now(), calls=F("calls") + 1)
