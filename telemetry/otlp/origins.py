"""Where a record comes from: its resource and its scope, read once for all their records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from telemetry.otlp.content import Kept
from telemetry.otlp.identity import encoded

Record = dict[str, Any]


class Origin(NamedTuple):
    context: dict[str, Any]  # attributes of resource and scope, and what the scope is called
    seed: bytes  # tells records of two origins apart


def walk(request: Record, groups: str, scopes: str, records: str) -> Iterator[tuple[Origin, Any]]:
    """Every record of a request with its origin, in the order they stand."""
    kept = Kept()
    for group in request.get(groups, ()):
        resource = group.get("resource", {})
        for part in group.get(scopes, ()):
            scope = part.get("scope", {})
            kept.start()
            context = {
                **kept.attributes(resource.get("attributes", {})),
                **kept.attributes(scope.get("attributes", {})),
            }
            for key, name in (("scope", "name"), ("scope_version", "version")):
                if scope.get(name):
                    context[key] = scope[name]
            origin = Origin(context, encoded([resource, scope]))
            for record in part.get(records, ()):
                yield origin, record
