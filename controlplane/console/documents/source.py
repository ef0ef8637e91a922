"""What only the source text knows: where a number is defined, what a check may find."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

PACKAGES = ("controlplane", "missions", "incidents", "deployments", "telemetry")
_DEFINED = re.compile(r"\b(define|keep_rows)\(\s*\"([a-z_]+\.[a-z0-9_.]+)\"")


def root() -> Path:
    return Path(settings.BASE_DIR)


def product_files() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((root() / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def shown(path: Path) -> str:
    return str(path.relative_to(root()))


def places_of_defaults() -> dict[str, str]:
    """Name of a default -> the file that defines it."""
    found: dict[str, str] = {}
    for path in product_files():
        for what, name in _DEFINED.findall(path.read_text(encoding="utf-8")):
            full = f"retention.{name}_days" if what == "keep_rows" else name
            found.setdefault(full, shown(path))
    return found


def modules_of_defaults() -> list[str]:
    """Some are imported by one kind of process only, and a number must not be missed for that."""
    return sorted({path[:-3].replace("/", ".") for path in places_of_defaults().values()})


def finding_words(*paths: str) -> list[tuple[str, str]]:
    """(first word, file) of every `Finding("word", …)` in these files, or in the whole product."""
    found: dict[str, str] = {}
    files = [root() / path for path in paths] or list(product_files())
    for path in files:
        text = path.read_text(encoding="utf-8")
        if "Finding(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Finding"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.setdefault(first.value, shown(path))
    return sorted(found.items())


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    default: str
    part: str


def variables() -> list[Variable]:
    """Environment variables that `settings.py` reads, with the heading they stand under."""
    path = root() / "controlplane" / "settings.py"
    text = path.read_text(encoding="utf-8")
    headings = [
        (number, line.strip("# -"))
        for number, line in enumerate(text.splitlines(), 1)
        if line.startswith("# --- ")
    ]
    found: dict[str, Variable] = {}
    for node in ast.walk(ast.parse(text)):
        name = _variable(node)
        if name and isinstance(node, ast.Call):
            part = next(title for number, title in reversed(headings) if number < node.lineno)
            default = next((k.value for k in node.keywords if k.arg == "default"), None)
            shown_default = ast.unparse(default) if default is not None else "needed"
            found.setdefault(name, Variable(name, shown_default, part.split(":")[0]))
    return sorted(found.values(), key=lambda each: each.name)


def _variable(node: ast.AST) -> str:
    """The name in `env.str("NAME", …)`, or in this file's own `_database("NAME", …)`."""
    if not isinstance(node, ast.Call) or not node.args:
        return ""
    first, called = node.args[0], ast.unparse(node.func)
    is_read = called.startswith("env.") or called == "_database"
    if is_read and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return ""
