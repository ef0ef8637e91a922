"""Evidence of items handed out, whichever door it is asked at."""

from __future__ import annotations

import uuid

from django.http import FileResponse

from controlplane.base import files
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.work.models import ItemLink


def link_of(actor: Actor, uid: uuid.UUID) -> ItemLink:
    rows = ItemLink.objects.visible_to(actor).select_related("item", "item__project")
    found: ItemLink | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such evidence.")
    return found


def handed_out(found: ItemLink) -> FileResponse:
    """Always to be saved and never shown: what somebody uploaded must not run here."""
    if not found.file:
        raise NotFound("This evidence is a link.")
    try:
        with files.told_why():
            content = found.file.open("rb")
    except files.Lost as error:
        raise NotFound("The file is not in the store any more.") from error
    name = str(found.file.name).rsplit("/", 1)[-1]
    return files.download(content, name=name, size=found.size, sha256=found.sha256)
