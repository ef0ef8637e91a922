"""What a saved query is: some measures over a window, split by something, narrowed by parameters.

It is data and never SQL, so whoever runs it can ask nothing that the dashboards don't.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from telemetry.measures import MEASURES, Measure

WINDOWS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
TIME = "time"  # split by: a row a step instead of a row a group


@dataclass(frozen=True, slots=True)
class Parameter:
    """What whoever runs it may say: the value of a dimension, several separated by commas."""

    name: str  # a dimension
    label: str = ""
    default: str = ""  # empty: all of them
    options: tuple[str, ...] = ()  # a closed list, where there is one


@dataclass(frozen=True, slots=True)
class Question:
    measures: tuple[str, ...]
    group_by: str = ""  # a dimension, `time`, or empty: one row
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    window: str = "1h"
    step: str = ""  # with `time`; empty: what suits the window
    parameters: tuple[Parameter, ...] = ()
    limit: int = 50

    def as_data(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            **asdict(self),
            "measures": list(self.measures),
            "filters": {name: list(values) for name, values in self.filters.items()},
            "parameters": [
                {**asdict(each), "options": list(each.options)} for each in self.parameters
            ],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Question:
        """From what was checked when it was saved."""
        return cls(
            measures=tuple(data["measures"]),
            group_by=data.get("group_by", ""),
            filters={name: tuple(some) for name, some in data.get("filters", {}).items()},
            window=data.get("window", "1h"),
            step=data.get("step", ""),
            parameters=tuple(
                Parameter(
                    each["name"],
                    each.get("label", ""),
                    each.get("default", ""),
                    tuple(each.get("options", ())),
                )
                for each in data.get("parameters", ())
            ),
            limit=data.get("limit", 50),
        )

    def known(self) -> list[Measure]:
        """Its measures; one that this release no longer has is left out."""
        return [MEASURES[slug] for slug in self.measures if slug in MEASURES]


@dataclass(frozen=True, slots=True)
class Query:
    """A question with a name. `uid` is empty for the shipped ones."""

    slug: str
    title: str
    about: str
    question: Question
    runbook: str = ""  # the runbook that asks it
    uid: str = ""
    version: int = 0
    updated_at: datetime | None = None

    @property
    def shipped(self) -> bool:
        return not self.uid

    @property
    def installation(self) -> bool:
        """Whether any of it is about the portal itself."""
        return any(measure.installation for measure in self.question.known())


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    label: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The answer. A cell of None is "no data"."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    start: datetime | None = None
    end: datetime | None = None
