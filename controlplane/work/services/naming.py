"""Keys: how an item is called, and how it is found by what somebody typed."""

from __future__ import annotations

import re
import secrets

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from controlplane.lib.errors import Conflict, Invalid, NotFound
from controlplane.work.models import Item, Project

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
LONGEST_HASH = 8
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,118}[A-Za-z0-9]")


def insert_named(
    item: Item, *, parent: Item | None = None, key: str = "", any_prefix: bool = False
) -> Item:
    """Give the new item its key and store it."""
    if key:
        return _insert_as(item, _own_key(item.project, key, any_prefix))
    if parent is not None:
        return _insert_as(item, _child_key(parent))
    if item.project.ids == Project.Ids.SEQUENCE:
        return _insert_as(item, _next_number(item.project))
    return _insert_hashed(item)


def _insert_as(item: Item, key: str) -> Item:
    item.key = key
    if not try_insert(item):
        raise Conflict(f"{key} is taken.", details={"id": "Taken already."})
    return item


def try_insert(item: Item) -> bool:
    """False when the key is taken. The savepoint keeps the caller's transaction usable."""
    try:
        with transaction.atomic():
            item.save(force_insert=True)
    except IntegrityError as error:
        if "work_item_key_unique" in str(error):
            return False
        raise
    return True


def _insert_hashed(item: Item) -> Item:
    """Short as long as that is free: the first collision in a project lengthens its hashes, so
    they grow with the square root of what there is, as the birthday paradox wants it."""
    length = item.project.hash_length
    while True:
        item.key = f"{item.project.prefix}-{_hash(length)}"
        if try_insert(item):
            return item
        if length < LONGEST_HASH:
            length += 1
            Project.objects.filter(pk=item.project_id, hash_length__lt=length).update(
                hash_length=length
            )


def _hash(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _next_number(project: Project) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE work_project SET last_number = last_number + 1 WHERE id = %s"
            " RETURNING last_number",
            [project.pk],
        )
        row = cursor.fetchone()
    return f"{project.prefix}-{row[0]}"


def _child_key(parent: Item) -> str:
    """`bd-a1f.3`: the number is never given twice, also when the third child is gone."""
    Item.objects.filter(pk=parent.pk).update(last_child=F("last_child") + 1)
    parent.refresh_from_db(fields=["last_child"])
    key = f"{parent.key}.{parent.last_child}"
    if len(key) > 120:
        raise Invalid("Parents are nested too deep for another level.")
    return key


def _own_key(project: Project, key: str, any_prefix: bool) -> str:
    key = key.strip()
    if not _KEY.fullmatch(key):
        raise Invalid(f"{key!r} is no id.", details={"id": "Letters, digits, dot and dash."})
    if not any_prefix and not key.lower().startswith(f"{project.prefix.lower()}-"):
        raise Invalid(
            f"{key} does not begin with this project's prefix {project.prefix}-.",
            details={"id": f"Begins with {project.prefix}-."},
        )
    return key


def resolve(project: Project, text: str) -> Item:
    """The item somebody means: its id, in any case; without the prefix; or the beginning or any
    part of its hash when only one has it. Ids of the workspace's other projects count whole."""
    text = text.strip()
    if not text:
        raise Invalid("Name an item.", details={"id": "Empty."})
    return _exact(project, text) or _elsewhere(project, text) or _partial(project, text)


def _exact(project: Project, text: str) -> Item | None:
    names = [text, f"{project.prefix}-{text}"]
    for name in names:
        item: Item | None = project.items.filter(key__iexact=name).first()
        if item is not None:
            return item
    return None


def _elsewhere(project: Project, text: str) -> Item | None:
    if project.is_sandbox:
        return None
    others = Project.objects.filter(workspace_id=project.workspace_id).in_use().shared()
    found = list(Item.objects.filter(project__in=others, key__iexact=text)[:2])
    return found[0] if len(found) == 1 else None


def _partial(project: Project, text: str) -> Item:
    start = f"{project.prefix}-"
    part = text[len(start) :] if text.lower().startswith(start.lower()) else text
    found = []
    if part and len(part) <= LONGEST_HASH and "." not in part:
        rows = project.items.filter(key__istartswith=start, key__icontains=part)
        rows = rows.exclude(key__contains=".").order_by("id")
        found = [row for row in rows[:50] if part.lower() in row.key[len(start) :].lower()]
    if len(found) == 1:
        only: Item = found[0]
        return only
    if found:
        some = ", ".join(row.key for row in found[:5])
        raise Invalid(
            f"ambiguous ID {text!r} matches {len(found)} issues: {some}",
            details={"id": "Several begin so.", "matches": [row.key for row in found[:5]]},
        )
    raise NotFound(f"no issue found matching {text!r}", details={"id": "There is none."})
