"""`manage.py states`: every transition table as a drawing, for docs/states.md."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

from controlplane.base.states import TABLES

HEAD = """# States

Each stateful model moves by one table; `base.states.advance()` is the only way. Drawn by
`python3 manage.py states > docs/states.md`; a test compares.
"""


def document() -> str:
    parts = [HEAD]
    for label, table in sorted(TABLES.items()):
        name = str(apps.get_model(label)._meta.verbose_name)
        parts.append(f"## {label.split('.')[0]}: {name}\n\n```mermaid\n{table.mermaid()}```\n")
    return "\n".join(parts)


class Command(BaseCommand):
    help = "Print every transition table as Markdown with drawings."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(document(), ending="")
