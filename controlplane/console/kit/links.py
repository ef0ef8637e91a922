"""Where refs lead, and which addresses may stand in a link at all."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import quote

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from controlplane.base.registries import key_finders
from controlplane.lib import context, moments, refs

# The palette: a ref that is asked for whole is an address.
REF_PATH = "/admin/go/?q={ref}"
_SCHEMES = ("http://", "https://", "mailto:")
# Browsers drop these before they read the scheme: "java\nscript:" would pass a look at the start.
_DROPPED = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_REF = r"[A-Z]{3}-[1-9][0-9]{0,9}"


def safe_url(url: Any) -> str:
    """The address when it is a path, a query, an anchor, or of a harmless scheme; else ""."""
    text = _DROPPED.sub("", str(url or ""))
    if not text or text[:1] in "?#" or text.lower().startswith(_SCHEMES):
        return text
    return text if is_own(text) else ""


def is_own(url: str) -> bool:
    """A path of this installation. "//host" and "/\\host" lead elsewhere."""
    return url.startswith("/") and url[1:2] not in {"/", "\\"}


@cache
def _named() -> re.Pattern[str]:
    """Refs and registered keys in running text. Asked for first when a page is drawn, hence after
    every app has registered."""
    forms = [_REF, *(finder.written for finder in key_finders if finder.written)]
    return re.compile(rf"(?<![A-Za-z0-9-])(?<![a-z_]/)({'|'.join(forms)})(?![A-Za-z0-9])")


def ref_url(value: Any) -> str:
    """Where this ref or key leads; "" for what is none."""
    text = str(value or "")[:40]
    ref = refs.parse(text)
    if ref is not None:
        return REF_PATH.format(ref=ref)
    is_key = any(f.written and re.fullmatch(f.written, text) for f in key_finders)
    return REF_PATH.format(ref=quote(text)) if is_key else ""


def linked(text: Any) -> SafeString:
    """The text, escaped, with every ref in it a link, and its times by the reader's clock."""
    out: list[str] = []
    told = moments.by_clock(str(text if text is not None else ""), context.current().zone)
    # `split` with one group: text, ref, text, ref, ..., text.
    for index, part in enumerate(_named().split(told)):
        url = ref_url(part) if index % 2 else ""
        shown = escape(part)
        out.append(f'<a class="kit-ref" href="{url}">{shown}</a>' if url else shown)
    return mark_safe("".join(out))  # noqa: S308


def split_refs(text: str) -> list[tuple[str, str]]:
    """The text in pieces, each with the address it leads to or ""."""
    return [
        (part, ref_url(part) if index % 2 else "")
        for index, part in enumerate(_named().split(text))
        if part
    ]
