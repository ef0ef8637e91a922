"""Every number of the playbooks, by name, with its unit and the reason for its value.

A default may be overridden by the environment (`CONTROLPLANE_` + name with dots as underscores).
The console lists this table, so a number nobody can find is a number that is not here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

# What `os.environ` keeps, as it is at present. Asked itself for what isn't there it raises an error
# inside, and a request asks for dozens of names that aren't.
_ENVIRONMENT: Mapping[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]

N = TypeVar("N", int, float, str, bool)

REGISTERED: dict[str, Default[int] | Default[float] | Default[str] | Default[bool]] = {}


@dataclass(frozen=True)
class Default(Generic[N]):
    name: str
    shipped: N
    unit: str
    why: str

    @cached_property  # looked up many times in a request
    def env_name(self) -> str:
        return "CONTROLPLANE_" + self.name.upper().replace(".", "_")

    @cached_property
    def _key(self) -> bytes:
        return os.fsencode(self.env_name)

    @property
    def overridden(self) -> bool:
        return self._key in _ENVIRONMENT

    @property
    def value(self) -> N:
        if self._key not in _ENVIRONMENT:
            return self.shipped
        text = os.environ[self.env_name]
        if isinstance(self.shipped, bool):
            return text.lower() in {"1", "true", "yes", "on"}
        return type(self.shipped)(text)


def define(name: str, shipped: N, *, unit: str = "", why: str) -> Default[N]:
    """Register a default. Two defaults of one name are a bug found at import."""
    if name in REGISTERED:
        raise ValueError(f"default {name} is defined twice")
    default = Default(name, shipped, unit, why)
    REGISTERED[name] = default
    return default


def overrides() -> int:
    """Changes when a number is set, or no more: how many variables there are. A number that is set
    to another value while a process runs is a test's doing, which says so elsewhere."""
    return len(_ENVIRONMENT)
