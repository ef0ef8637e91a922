"""Every number of the playbooks, by name, with its unit and the reason for its value.

A default may be overridden by the environment (`CONTROLPLANE_` + name with dots as underscores).
The console lists this table, so a number nobody can find is a number that is not here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

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

    @property
    def overridden(self) -> bool:
        return self.env_name in os.environ

    @property
    def value(self) -> N:
        text = os.environ.get(self.env_name)
        if text is None:
            return self.shipped
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
