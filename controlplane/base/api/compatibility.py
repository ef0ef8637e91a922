"""Minor revisions of the API only add: what a newer document takes away from an older one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]


def removals(old: Document, new: Document) -> list[str]:
    """Sentences; empty when every client of the old document still works."""
    return sorted(set(_Comparison(old, new).paths()))


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self.old = old
        self.new = new

    def paths(self) -> Iterator[str]:
        present = self.new.get("paths", {})
        for path, methods in self.old.get("paths", {}).items():
            for method, before in methods.items():
                where = f"{method.upper()} {path}"
                after = present.get(path, {}).get(method)
                if after is None:
                    yield f"{where} is gone"
                else:
                    yield from self._operation(where, before, after)

    def _operation(self, where: str, before: Document, after: Document) -> Iterator[str]:
        if before.get("operationId") != after.get("operationId"):
            yield f"{where}: operationId is another"
        yield from self._parameters(where, before, after)
        sent, taken = (_form(part.get("requestBody", {})) for part in (before, after))
        yield from self._taken(f"{where} body", sent, taken)
        for status, answer in before.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            other = after.get("responses", {}).get(status)
            if other is None:
                yield f"{where}: answer {status} is gone"
            else:
                yield from self._given(f"{where} {status}", _form(answer), _form(other))

    def _parameters(self, where: str, before: Document, after: Document) -> Iterator[str]:
        known, present = _parameters_of(before), _parameters_of(after)
        for name, entry in known.items():
            if name not in present:
                yield f"{where}: parameter {name[0]} is gone"
            else:
                yield from self._narrowed(
                    f"{where}: parameter {name[0]}", entry["schema"], present[name]["schema"]
                )
        for name, entry in present.items():
            if entry.get("required") and not known.get(name, {}).get("required"):
                yield f"{where}: parameter {name[0]} is required now"

    def _taken(self, where: str, before: Document, after: Document) -> Iterator[str]:
        """What clients send: nothing they may send goes, nothing new is demanded."""
        first, second = self._resolved(before, self.old), self._resolved(after, self.new)
        fields, present = first.get("properties", {}), second.get("properties", {})
        for name in fields:
            if name not in present:
                yield f"{where}: field {name} is not taken any more"
            else:
                yield from self._narrowed(f"{where}: field {name}", fields[name], present[name])
        for name in set(second.get("required", ())) - set(first.get("required", ())):
            yield f"{where}: field {name} is required now"

    def _given(
        self, where: str, before: Document, after: Document, seen: frozenset[str] = frozenset()
    ) -> Iterator[str]:
        """What clients read: every field stays, of the same type."""
        name = str(before.get("$ref", ""))
        if name in seen:
            return
        seen = seen | {name} if name else seen
        first, second = self._resolved(before, self.old), self._resolved(after, self.new)
        if first.get("type") != second.get("type"):
            yield f"{where}: the type is another"
            return
        if first.get("type") == "array":
            items = first.get("items", {}), second.get("items", {})
            yield from self._given(f"{where}[]", *items, seen)
        for field, form in first.get("properties", {}).items():
            other = second.get("properties", {}).get(field)
            if other is None:
                yield f"{where}: field {field} is gone"
            else:
                yield from self._given(f"{where}.{field}", form, other, seen)

    def _narrowed(self, where: str, before: Document, after: Document) -> Iterator[str]:
        known, present = self._values(before, self.old), self._values(after, self.new)
        gone = known - present
        if present and gone:
            yield f"{where} takes no {', '.join(sorted(gone))} any more"

    def _values(self, form: Document, document: Document) -> set[str]:
        parts = (form, *form.get("allOf", ()), *form.get("oneOf", ()))
        return {
            str(value) for part in parts for value in self._resolved(part, document).get("enum", ())
        }

    @staticmethod
    def _resolved(form: Document, document: Document) -> Document:
        while "$ref" in form:
            form = document["components"]["schemas"][str(form["$ref"]).rsplit("/", 1)[-1]]
        return form


def _form(part: Document) -> Document:
    form: Document = part.get("content", {}).get("application/json", {}).get("schema", {})
    return form


def _parameters_of(operation: Document) -> dict[tuple[str, str], Document]:
    return {(entry["name"], entry["in"]): entry for entry in operation.get("parameters", [])}
