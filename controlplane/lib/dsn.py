"""Addresses of databases."""

from __future__ import annotations

import re


def with_database(url: str, name: str) -> str:
    """The same server, login and options, another database."""
    return re.sub(r"(//[^/]*/)[^?]*", rf"\g<1>{name}", url, count=1)
