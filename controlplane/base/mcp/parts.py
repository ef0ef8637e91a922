"""Who adds tools and resources: modules, imported with the endpoint itself. Forms are slow to
import, and a worker that answers nobody needs none of them."""

from __future__ import annotations

from importlib import import_module

_MODULES: list[str] = []


def add(module: str) -> None:
    """For `apps.py`."""
    if module not in _MODULES:
        _MODULES.append(module)


def load() -> None:
    for name in _MODULES:
        import_module(name)
