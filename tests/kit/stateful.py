"""How the walk over every transition table gets a row: one builder per stateful model.

@builds("catalog.integration")
def integration() -> Integration: ...      # through services, in the table's initial state
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import models

BUILDERS: dict[str, Callable[[], models.Model]] = {}
F = TypeVar("F", bound=Callable[[], models.Model])


def builds(label: str) -> Callable[[F], F]:
    def register(builder: F) -> F:
        BUILDERS[label.lower()] = builder
        return builder

    return register
