"""Where rows of a model have their pages. A list has fifty of them, which differ in nothing but the
key: Django looks for the route once."""

from __future__ import annotations

import re
from functools import cache

from django.urls import reverse

_ANY_KEY = "0key0"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")  # stands in an address as it is


def of_row(route: str, key: object, site: str | None = None) -> str:
    text = str(key)
    if not _PLAIN_KEY.fullmatch(text):
        return reverse(route, args=(text,), current_app=site)
    before, after = _around(route, site)
    return f"{before}{text}{after}"


@cache
def _around(route: str, site: str | None) -> tuple[str, str]:
    before, _, after = reverse(route, args=(_ANY_KEY,), current_app=site).partition(_ANY_KEY)
    return before, after
