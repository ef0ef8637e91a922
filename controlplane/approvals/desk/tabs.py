"""What stands in the desk's navigation. An app above adds its own from `apps.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.base.registries import Registry
from controlplane.lib.actors import Actor


@dataclass(frozen=True, slots=True)
class Tab:
    slug: str
    label: str
    url: str  # a URL name
    icon: str
    action: str
    order: int = 50
    count: Callable[[Actor, int | None], int] | None = None


@dataclass(frozen=True, slots=True)
class ToDo:
    """Something a person is asked for beside signatures. `rows` answers (title, address, note)."""

    slug: str
    title: str
    action: str
    rows: Callable[[Actor, int | None], list[tuple[str, str, str]]]


tabs: Registry[Tab] = Registry("desk tabs")
to_dos: Registry[ToDo] = Registry("desk to-dos")
