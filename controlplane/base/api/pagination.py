"""Pages by key, not by number: as cheap at page 10,000 as at page 1, and rows that arrive
meanwhile neither repeat nor hide others. No count is ever taken.

The cursor holds the last row's ordering values. It is signed, so that nobody can probe values
or types with it, and names its ordering, so that it is refused under another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from controlplane.lib import keys
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid

PAGE = define("api.page_size", 50, unit="rows", why="One screen of a list.")
MAX_PAGE = define(
    "api.max_page_size", 200, unit="rows", why="More rows in one answer than 200 starve others."
)
PARAMETERS = frozenset({"limit", "cursor", "sort"})
_MAC = 12


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[tuple[Any, ...]]
    next_cursor: str | None


def limit_of(request: HttpRequest) -> int:
    text = request.GET.get("limit")
    if text is None:
        return PAGE.value
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_PAGE.value:
        return int(text)
    raise Invalid(
        "The limit is not valid.",
        details={"limit": f"A whole number from 1 to {MAX_PAGE.value}."},
    )


def sort_of(request: HttpRequest, sorts: Mapping[str, Sequence[str]]) -> tuple[str, Sequence[str]]:
    """The ordering asked for, by its name; the first one declared is the default."""
    name = request.GET.get("sort") or next(iter(sorts))
    if name not in sorts:
        raise Invalid(
            "The ordering is not known.", details={"sort": f"One of: {', '.join(sorts)}."}
        )
    return name, sorts[name]


def page_of(
    queryset: QuerySet[Any],
    columns: Sequence[str],
    order: Sequence[str],
    *,
    name: str,
    limit: int,
    cursor: str | None,
) -> Page:
    """One page as tuples of `columns`. The ordering ends in something unique and holds no nulls."""
    if cursor:
        queryset = queryset.filter(after(order, read_cursor(cursor, name, len(order))))
    return page_from(list(asked(queryset, columns, order, limit)), columns, name, limit)


def asked(
    queryset: QuerySet[Any], columns: Sequence[str], order: Sequence[str], limit: int
) -> QuerySet[Any]:
    """Of a page its rows, with what they are ordered by, and one more if there is one."""
    plain = [field.lstrip("-") for field in order]
    return queryset.order_by(*order).values_list(*columns, *plain)[: limit + 1]


def page_from(rows: list[tuple[Any, ...]], columns: Sequence[str], name: str, limit: int) -> Page:
    following = None
    if len(rows) > limit:
        rows.pop()
        following = make_cursor(rows[-1][len(columns) :], name)
    return Page(rows, following)


def after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows behind these values: `a < x OR (a = x AND b < y)`, with `a <= x` for the index."""
    condition = Q()
    for field, value in reversed(list(zip(order, values, strict=True))):
        plain = field.lstrip("-")
        beyond = "lt" if field.startswith("-") else "gt"
        step = Q(**{f"{plain}__{beyond}": value})
        if condition:
            step = Q(**{f"{plain}__{beyond}e": value}) & (step | (Q(**{plain: value}) & condition))
        condition = step
    return condition


# --- the cursor's text --------------------------------------------------------------------------

_TYPES: dict[str, Any] = {
    "i": int,
    "s": str,
    "b": bool,
    "t": datetime,
    "d": date,
    "u": UUID,
    "n": Decimal,
    "f": float,
}


def make_cursor(values: Sequence[Any], name: str) -> str:
    body = msgspec.json.encode([[_mark(value), value] for value in values])
    return base64.urlsafe_b64encode(_mac(name, body) + body).rstrip(b"=").decode()


def read_cursor(text: str, name: str, length: int) -> list[Any]:
    try:
        if len(text) > 2_000 or not text.isascii():
            raise ValueError
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        mac, body = raw[:_MAC], raw[_MAC:]
        if not hmac.compare_digest(mac, _mac(name, body)):
            raise ValueError
        pairs = msgspec.json.decode(body, type=list[tuple[str, Any]])
        values = [msgspec.convert(value, _TYPES[mark], strict=True) for mark, value in pairs]
        if len(values) != length:
            raise ValueError
    except (ValueError, KeyError, binascii.Error, msgspec.MsgspecError):
        message = "Take the cursor of the answer before, with the same ordering."
        raise Invalid("The cursor is not valid.", details={"cursor": message}) from None
    return values


def _mark(value: Any) -> str:
    for mark, kind in _TYPES.items():
        if type(value) is kind:
            return mark
    raise TypeError(f"lists are not ordered by {type(value).__name__}: nulls cannot be paged")


def _mac(name: str, body: bytes) -> bytes:
    key = _key(settings.SECRET_KEY)
    return hmac.new(key, name.encode() + b"\x00" + body, hashlib.sha256).digest()[:_MAC]


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    """Cached by the secret it comes from, so that tests which change the secret change the key."""
    return keys.derive("cursor")
