"""Lists of the access pages: what the query string narrows them to, and one page of them.

The address is the state: every filter, search and page is in the query string, so a list can be
sent to a colleague as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode

PAGE_SIZE = 50
MOST_WORDS = 100


def words(request: HttpRequest, name: str = "q") -> str:
    """What was typed. NUL is the one character the database refuses."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:MOST_WORDS]


def choice(request: HttpRequest, name: str, known: Iterable[str], default: str = "") -> str:
    """A value of the query string that is one of the known ones."""
    asked = request.GET.get(name, default)
    return asked if asked in set(known) else default


def query(request: HttpRequest, **changes: str | None) -> str:
    """This address with some values changed, back on the first page. None takes a value away."""
    kept = {name: request.GET[name] for name in request.GET if name != "page"}
    for name, value in changes.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
    return "?" + urlencode(kept)


def menu(
    request: HttpRequest, name: str, title: str, choices: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """A filter as a menu of links, with the chosen entry and the address without it."""
    pairs = list(choices)
    chosen = choice(request, name, [value for value, _ in pairs])
    entries = [("", "All"), *pairs]
    return {
        "name": name,
        "title": title,
        "value": chosen,
        "chosen": dict(pairs).get(chosen, ""),
        "without": query(request, **{name: None}),
        "choices": [
            {
                "label": label,
                "url": query(request, **{name: value or None}),
                "selected": value == chosen,
            }
            for value, label in entries
        ],
    }


def paged(request: HttpRequest, rows: QuerySet[Any], size: int = PAGE_SIZE) -> dict[str, Any]:
    """One page of rows and what `{% pagination %}` wants to know about the others."""
    page = Paginator(rows, size).get_page(request.GET.get("page", "1").replace("\x00", "")[:9])
    before = page.previous_page_number() if page.has_previous() else None
    after = page.next_page_number() if page.has_next() else None
    return {
        "rows": list(page.object_list),
        "total": page.paginator.count,
        "first": page.start_index(),
        "last": page.end_index(),
        "number": page.number,
        "more_pages": page.paginator.num_pages > 1,
        "previous": query(request, page=str(before)) if before else "",
        "following": query(request, page=str(after)) if after else "",
    }
