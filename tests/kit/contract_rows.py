"""Values a request can be made of that mean something here: read from the API's own lists."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from tests.kit import matrix

PARAMETER = re.compile(r"{(\w+)}")
# What an item of a list calls itself, where it doesn't have the name of the path's parameter.
NAMES = ("uid", "ref", "key", "slug", "flag_name", "name", "number", "id")
AT_MOST = 8  # rows of one list that are tried in turn: states differ among them
# Paths whose rows are listed elsewhere.
LISTED_AT = {
    "/admin/flags": "/api/v1/flags",
    "/admin/missions": "/api/v1/missions",
    "/stream/threads": "/api/v1/threads",
    "/ofrep/v1/evaluate/flags": "/api/v1/flags",
    "/unleash/api/client/features": "/api/v1/flags",
}
Filling = dict[str, str]


@dataclass
class Known:
    """What is there: ways to fill each path's parameters, and values by the name of their field.
    Empty until it is asked; then each list is read once."""

    caller: Client
    fillings: dict[str, list[Filling]] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def walk(self, paths: list[str]) -> None:
        """Look at every list first: what a body may name stands in others' rows."""
        for path in paths:
            self.of(path)

    def of(self, path: str) -> list[Filling]:
        """Some ways to fill this path's parameters, none where a list on the way is empty."""
        last = next(reversed([*PARAMETER.finditer(path)]), None)
        if last is None:
            return [{}]
        whole = path[: last.end()]
        if whole not in self.fillings:
            parent = path[: last.start()].rstrip("/")
            self.fillings[whole] = self._read(LISTED_AT.get(parent, parent), last.group(1))
        return self.fillings[whole]

    def value(self, name: str, chance: random.Random) -> Any:
        found = self.values.get(name)
        return chance.choice(found) if found else None

    def _read(self, parent: str, name: str) -> list[Filling]:
        found: list[Filling] = []
        for around in self.of(parent):
            place = parent.format(**around)
            for item in self._listed(place) or self._within(place):
                value = next((item[key] for key in (name, *NAMES) if item.get(key)), None)
                if isinstance(value, str | int):
                    found.append({**around, name: str(value)})
        step = max(1, len(found) // AT_MOST)
        return found[::step][:AT_MOST]

    def _listed(self, path: str) -> list[dict[str, Any]]:
        body = self._body(path)
        items = body.get("items", []) if isinstance(body, dict) else body or []
        return [item for item in items if isinstance(item, dict)]

    def _within(self, path: str) -> list[dict[str, Any]]:
        """Parts that have no list of their own stand in the thing that they are part of."""
        around, _, name = path.rpartition("/")
        body = self._body(around) if around.count("/") > 3 else None
        items = body.get(name.replace("-", "_")) if isinstance(body, dict) else None
        return [item for item in items or [] if isinstance(item, dict)]

    def _body(self, path: str) -> Any:
        with matrix.taken_back():
            response: Any = self.caller.get(path)
        if response.status_code != 200 or "json" not in response["Content-Type"]:
            return None
        body = response.json()
        self._keep(body)
        return body

    def _keep(self, found: Any) -> None:
        for each in found if isinstance(found, list) else []:
            self._keep(each)
        for name, value in found.items() if isinstance(found, dict) else ():
            if isinstance(value, str) and value and len(self.values[name]) < 4 * AT_MOST:
                self.values[name].append(value)
            self._keep(value)
