"""A file handed out. Whatever it is, it comes as something to be saved: what somebody uploaded
must never run here, in the place of the portal that trusts it most."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse

from controlplane.base.files.kinds import UNKNOWN

SANDBOX = "sandbox; default-src 'none'"
# Shown where they stand. No SVG: it is a document that may hold script.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def download(file: Any, *, name: str, size: int | None = None, sha256: str = "") -> FileResponse:
    """Always an attachment, of no type that anything acts on."""
    return _answer(file, UNKNOWN, name, size, sha256, attached=True)


def picture(file: Any, media_type: str, *, name: str, sha256: str = "") -> FileResponse:
    """A picture of a page, by what its content is; anything else comes as a download."""
    if media_type not in PICTURES:
        return download(file, name=name, sha256=sha256)
    return _answer(file, media_type, name, None, sha256, attached=False)


def _answer(
    file: Any, media_type: str, name: str, size: int | None, sha256: str, *, attached: bool
) -> FileResponse:
    answer = FileResponse(file, as_attachment=attached, filename=name, content_type=media_type)
    if size is not None:
        answer["Content-Length"] = str(size)
    if sha256:
        answer["ETag"] = f'"{sha256}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = SANDBOX
    answer["Cache-Control"] = "private, no-store"
    return answer
