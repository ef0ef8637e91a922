"""Feature flags: what is on, for whom, since when and by whom; asked by any SDK, killed by anyone
on call.

    from deployments.flags import is_enabled

    if is_enabled("new-planner", {"userId": "42"}, workspace=workspace): ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployments.flags.serving.asking import decide, is_enabled

__all__ = ["decide", "is_enabled"]


def __getattr__(name: str) -> Any:
    """Found when first asked for: this package is imported before Django's models may be."""
    if name not in __all__:
        raise AttributeError(name)
    found = getattr(import_module("deployments.flags.serving.asking"), name)
    globals()[name] = found
    return found
