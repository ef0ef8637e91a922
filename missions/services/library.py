"""The library: drafts written, versions published and never changed again, uses noted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Avg, F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import advance, plain
from controlplane.lib import canonical, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition
from controlplane.lib.redaction import redact
from missions import stages
from missions.learning import lookups
from missions.models import Asset, AssetVersion, Mission
from missions.services import reading
from missions.services.noting import say, tell

Status = Asset.Status
_LARGEST = 64_000
_READ: dict[str, Any] = {
    "title": lambda value: reading.kept_line("title", value, 200, required=True),
    "summary": lambda value: reading.kept_line("summary", value, 1_000),
    "category": lambda value: reading.choice("category", value, Asset.Category.values),
    "tags": reading.tags,
}
_DRAFT: dict[str, Any] = {
    "body": lambda value: reading.kept("body", value),
    "playbook": lambda value: _playbook(value),
    "note": lambda value: reading.kept_line("note", value, 500),
}


def _playbook(value: Any) -> dict[str, Any]:
    """The same for programs: an object, without what looks like a secret."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise reading.refuse("playbook", "An object.")
    try:
        encoded = canonical.encode(dict(value))
    except (ValueError, TypeError, RecursionError):
        raise reading.refuse("playbook", "Plain JSON values, not too deep.") from None
    if len(encoded) > _LARGEST:
        raise reading.refuse("playbook", f"At most {_LARGEST:,} bytes.")
    if b"\\u0000" in encoded:
        raise reading.refuse("playbook", "Holds a NUL character.")
    return dict(redact(dict(value)))


def _read(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise reading.refuse(unknown[0], "An asset has no such field.")
    return {name: known[name](value) for name, value in given.items()}


def _hold(asset: Asset, version: int | None) -> Asset:
    """The asset as it is now, locked. Whoever looked at an older one is told what was done."""
    rows = Asset.objects.select_for_update(of=("self",), no_key=True)
    row: Asset = rows.select_related("workspace", "source_mission").get(pk=asset.pk)
    if version is not None and row.version != version:
        raise Conflict(_since(row), details={"seen_version": version, "version": row.version,
                                             "status": row.status})  # fmt: skip
    return row


def _since(row: Asset) -> str:
    last = row.versions.published().order_by("-number").first()
    if last is not None and last.published_at == row.changed_at:
        return f"Somebody published version {last.number} since you looked. Look again."
    return "Somebody changed it since you looked. Look again."


def draft_of(asset: Asset) -> AssetVersion | None:
    """What is being written; None while nothing is newer than what is published."""
    found: AssetVersion | None = asset.versions.drafts().first()
    return found


def published_of(asset: Asset) -> AssetVersion | None:
    rows = asset.versions.published().order_by("-number")
    found: AssetVersion | None = rows.first()
    return found


def _touch(row: Asset, **values: Any) -> None:
    new = {**values, "changed_at": clock.now()}
    Asset.objects.filter(pk=row.pk).update(**new, version=F("version") + 1)
    for name, value in new.items():
        setattr(row, name, value)
    row.version += 1


# --- Writing ------------------------------------------------------------------------------------


@transaction.atomic
def create_asset(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    body: str = "",
    playbook: Any = None,
    note_: str = "",
    source: Mission | None = None,
    **given: Any,
) -> Asset:
    """A draft, of a mission or because somebody knows how."""
    policy.require(actor, "library.write", workspace)
    values = _read(_READ, {"title": title, **given})
    drafted = _read(_DRAFT, {"body": body, "playbook": playbook, "note": note_})
    if source is not None and source.workspace_id != workspace.pk:
        raise reading.refuse("source", "It belongs to another workspace.")
    row = Asset(
        workspace=workspace,
        source_mission=source,
        created_by=actor.ref[:80],
        tag_text=" ".join(values.get("tags", []))[:900],
        **values,
    )
    _insert(row)
    AssetVersion.objects.create(asset=row, number=1, authors=[actor.ref[:80]], **drafted)
    record(
        actor,
        "library.write",
        row,
        after={name: plain(value) for name, value in values.items()},
        details={"transition": "-> added"},
    )
    if source is not None:
        say(source, f"An asset is made of {source.ref}: {row.title}", actor=actor)
    return row


def _insert(row: Asset) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise _taken(error, row.title) from None


def _taken(error: IntegrityError, title: str) -> Exception:
    if "asset_title_once" not in str(error):
        return error
    return Conflict(
        f"There is an asset called {title} already.",
        details={"title": "Taken. Write another version of that one."},
    )


@transaction.atomic
def describe_asset(
    asset: Asset, *, actor: Actor, version: int | None = None, **given: Any
) -> Asset:
    """What it is called and where it stands; what it says is a version."""
    policy.require(actor, "library.write", asset)
    values = _read(_READ, given)
    row = _hold(asset, version)
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not values:
        return row
    if row.status != Status.DRAFT:
        policy.require(actor, "library.publish", row)  # others read it already
    before = {name: plain(getattr(row, name)) for name in values}
    if "tags" in values:
        values["tag_text"] = " ".join(values["tags"])[:900]
    try:
        with transaction.atomic():
            _touch(row, **values)
    except IntegrityError as error:
        raise _taken(error, str(values.get("title", ""))) from None
    values.pop("tag_text", None)
    record(
        actor,
        "library.write",
        row,
        before=before,
        after={name: plain(value) for name, value in values.items()},
        details={"transition": "-> described"},
    )
    lookups.changed(row.workspace_id)
    return row


@transaction.atomic
def write_draft(
    asset: Asset, *, actor: Actor, version: int | None = None, **given: Any
) -> AssetVersion:
    """Write in the next version. It begins as what is published; what is left out stays."""
    policy.require(actor, "library.write", asset)
    values = _read(_DRAFT, given)
    row = _hold(asset, version)
    if row.status == Status.RETIRED:
        raise InvalidTransition(
            "It is retired: bring it back first.", details={"status": "retired"}
        )
    draft = draft_of(row) or _next(row)
    draft.asset = row
    values = {name: value for name, value in values.items() if getattr(draft, name) != value}
    if not values:
        return draft
    for name, value in values.items():
        setattr(draft, name, value)
    if actor.ref not in draft.authors:
        draft.authors = [*draft.authors, actor.ref[:80]]
    draft.changed_at = clock.now()
    draft.save(update_fields=[*values, "authors", "changed_at"])
    _touch(row)
    record(
        actor,
        "library.write",
        row,
        after={"draft": draft.number, "changed": sorted(values)},
    )
    return draft


def _next(row: Asset) -> AssetVersion:
    last = published_of(row)
    body, playbook = (last.body, last.playbook) if last is not None else ("", {})
    number = last.number + 1 if last is not None else 1
    made: AssetVersion = AssetVersion.objects.create(
        asset=row, number=number, body=body, playbook=playbook
    )
    return made


@transaction.atomic
def discard_draft(asset: Asset, *, actor: Actor, reason: str, version: int | None = None) -> Asset:
    """Nothing comes of the next version; what is published stays."""
    policy.require(actor, "library.write", asset)
    why = reading.reason(reason)
    row = _hold(asset, version)
    draft = draft_of(row)
    if draft is None:
        return row
    if row.number == 0:
        raise InvalidTransition(
            "Nothing of it is published: retire it instead.", details={"status": row.status}
        )
    draft.delete()
    _touch(row)
    record(actor, "library.write", row, before={"draft": draft.number}, reason=why,
           details={"transition": "-> discarded"})  # fmt: skip
    return row


# --- Publishing ---------------------------------------------------------------------------------


@transaction.atomic
def publish_asset(
    asset: Asset, *, actor: Actor, note_: str | None = None, version: int | None = None
) -> AssetVersion:
    """The draft becomes a version that stays. Of two who publish at once one does; the other is
    told so, and has nothing to publish any more."""
    policy.require(actor, "library.publish", asset)
    row = _hold(asset, version)
    draft = draft_of(row)
    if draft is None:
        raise InvalidTransition(
            f"Version {row.number} is published; nothing is newer." if row.number
            else "Nothing is written.",
            details={"status": row.status, "version": row.version},
        )  # fmt: skip
    if not draft.body.strip():
        raise GateNotMet("It says nothing yet.", details={"conditions": ["It says nothing yet."]})
    if note_ is not None:
        draft.note = _DRAFT["note"](note_)
    now = clock.now()
    draft.published_at, draft.published_by = now, actor.ref[:80]
    draft.sha256 = hashlib.sha256(
        canonical.encode({"body": draft.body, "playbook": draft.playbook})
    ).hexdigest()
    draft.save(update_fields=["note", "published_at", "published_by", "sha256"])
    changes = {"number": draft.number, "text": draft.body, "changed_at": now}
    if row.status == Status.PUBLISHED:
        _touch(row, **changes)
        Asset.objects.filter(pk=row.pk).update(changed_at=now)
        row.changed_at = now
        record(actor, "library.publish", row, after={"version": draft.number}, reason=draft.note)
    else:
        changes |= {"published_at": row.published_at or now, "reason": ""}
        advance(row, "published", actor=actor, action="library.publish", changes=changes)
    draft.asset = row
    _published(row, draft, actor)
    return draft


def _published(row: Asset, draft: AssetVersion, actor: Actor) -> None:
    lookups.changed(row.workspace_id)
    mission = row.source_mission
    if mission is None:
        return
    say(mission, f"Published from {mission.ref}: {row.title}, version {draft.number}", actor=actor)
    said = {
        "artifact_id": str(row.uid),
        "library_category": row.category,
        "reuse_potential_score": _score(mission),
    }
    tell(mission, "library_contribution", said, actor=actor, stage=stages.LAST)


def _score(mission: Mission) -> float:
    """How the mission was rated, of 1."""
    mean = mission.feedback.given().aggregate(mean=Avg("rating"))["mean"]
    return 0.0 if mean is None else round(float(mean) / 5, 3)


@transaction.atomic
def retire_asset(asset: Asset, *, actor: Actor, reason: str, version: int | None = None) -> Asset:
    """Nobody finds it any more; missions that used it keep what they used."""
    policy.require(actor, "library.retire", asset)
    why = reading.reason(reason)
    row = _hold(asset, version)
    if row.status == Status.RETIRED:
        return row
    changes = {"reason": why, "changed_at": clock.now()}
    advance(row, "retired", actor=actor, reason=why, changes=changes)
    lookups.changed(row.workspace_id)
    return row


@transaction.atomic
def restore_asset(asset: Asset, *, actor: Actor, reason: str, version: int | None = None) -> Asset:
    """Back as it was: with what was published, or a draft still."""
    policy.require(actor, "library.retire", asset)
    why = reading.reason(reason)
    row = _hold(asset, version)
    if row.status != Status.RETIRED:
        return row
    to = Status.PUBLISHED if row.number else Status.DRAFT
    changes = {"reason": "", "changed_at": clock.now()}
    advance(row, to, actor=actor, reason=why, changes=changes)
    lookups.changed(row.workspace_id)
    return row
