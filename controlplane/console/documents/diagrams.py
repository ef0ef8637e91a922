"""Drawings in the documents, in Mermaid, made of what the code imports, relates and tells."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from django.apps import AppConfig, apps
from django.db.models import ForeignKey, Model, OneToOneField

from controlplane.base import signals
from controlplane.console.documents import block, source

Edges = Mapping[str, set[str]]
_IMPORTED = re.compile(
    r"^[ \t]*(?:from ([a-z_.]+)|import ([a-z_.]+))(?: import \(?\s*([a-z_]\w*))?", re.MULTILINE
)


def _mermaid(kind: str, lines: Iterable[str]) -> str:
    return "\n".join(("```mermaid", kind, *(f"  {line}" for line in lines), "```"))


def _id(name: str) -> str:
    return name.replace(".", "_")


# --- packages -----------------------------------------------------------------------------------


@cache
def packages() -> tuple[str, ...]:
    """Those of the import contract, from the top."""
    project = tomllib.loads((source.root() / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return tuple(name.strip() for layer in layers for name in layer.split("|"))


def package_of(module: str) -> str:
    fitting = [each for each in packages() if f"{module}.".startswith(f"{each}.")]
    return max(fitting, key=len, default="")


@cache
def _texts() -> tuple[tuple[str, str], ...]:
    """Package and source of every file of the product."""
    return tuple(
        (package, path.read_text(encoding="utf-8"))
        for path in source.product_files()
        if (package := package_of(_module(path)))
    )


def _module(path: Path) -> str:
    return source.shown(path)[: -len(".py")].replace("/", ".")


def imports() -> Edges:
    found: dict[str, set[str]] = defaultdict(set)
    for package, text in _texts():
        named = {f"{a or b}.{c}" for a, b, c in _IMPORTED.findall(text)}
        found[package] |= {package_of(name) for name in named} - {"", package}
    return found


def shortest(edges: Edges) -> Edges:
    """Without the arrows that a path of others says already."""

    def reached(start: str, skip: str) -> set[str]:
        seen: set[str] = set()
        ahead = [each for each in edges.get(start, ()) if each != skip]
        while ahead:
            at = ahead.pop()
            if at not in seen:
                seen.add(at)
                ahead.extend(edges.get(at, ()))
        return seen

    return {a: {b for b in bs if b not in reached(a, b)} for a, bs in edges.items()}


@block("packages-drawn")
def packages_drawn() -> str:
    """Imports run downwards only, so what remains after shortening is what leans on what."""
    order = packages()
    down = {a: {b for b in bs if order.index(b) > order.index(a)} for a, bs in imports().items()}
    arrows = shortest(down)
    drawn = {name for a, bs in arrows.items() if bs for name in (a, *bs)}
    names = [name for name in order if name in drawn]
    return _mermaid(
        "flowchart TD",
        (
            *(f'{_id(name)}["{name.removeprefix("controlplane.")}"]' for name in names),
            *(f"{_id(a)} --> {_id(b)}" for a in names for b in sorted(arrows.get(a, ()))),
        ),
    )


# --- signals ------------------------------------------------------------------------------------


@block("signals-drawn")
def signals_drawn() -> str:
    """Who says what to whom above: the package a kind is named in, and the one that hears it."""
    hears = {
        kind: package_of(consumer.__module__)
        for kind, consumer in signals.CONSUMERS.items()
        if not kind.startswith(("chaos", "bench"))
    }
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    for package, text in _texts():
        for kind, hearer in hears.items():
            if hearer != package and f'"{kind}"' in text:
                told[package, hearer].add(kind)
    return _mermaid(
        "flowchart LR",
        (
            f'{_id(a)}["{a.removeprefix("controlplane.")}"] -- "{"<br>".join(sorted(kinds))}" -->'
            f' {_id(b)}["{b.removeprefix("controlplane.")}"]'
            for (a, b), kinds in sorted(told.items())
        ),
    )


# --- tables -------------------------------------------------------------------------------------


@block("tables-drawn")
def tables_drawn() -> str:
    """One drawing for each app: what refers to what, and which tables of other apps it leans on."""
    parts = []
    for config in apps.get_app_configs():
        lines = sorted(set(_relations(config)))
        if config.name.split(".")[0] in source.PACKAGES and lines:
            parts.append(f"### {config.label} drawn\n\n{_mermaid('erDiagram', lines)}")
    return "\n\n".join(parts)


def _relations(config: AppConfig) -> Iterator[str]:
    for model in config.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and not _everywhere(field):
                many = "|o" if isinstance(field, OneToOneField) else "o{"
                one = "|o" if field.null else "||"
                yield f"{_name(field.related_model)} {one}--{many} {_name(model)} : {field.name}"


def _everywhere(field: ForeignKey[Model, Model]) -> bool:
    """Every row has a workspace: drawn, it would hide all else."""
    return str(field.related_model._meta.label) == "access.Workspace"


def _name(model: type[Model]) -> str:
    return f"{model._meta.app_label}_{model.__name__}"
