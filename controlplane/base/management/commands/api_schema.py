"""The frozen OpenAPI document: write it, or check that it is current and nothing was taken away."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlplane.base.api.compatibility import removals
from controlplane.base.api.documents import document

FROZEN = Path(settings.BASE_DIR) / "docs" / "openapi.json"


def frozen_text(made: Any) -> str:
    return json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


class Command(BaseCommand):
    help = "Check docs/openapi.json against the routes, or --write it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="write the document anew")
        parser.add_argument(
            "--breaking", action="store_true", help="with --write: accept that something goes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        made = json.loads(frozen_text(document()))
        before = json.loads(FROZEN.read_text()) if FROZEN.exists() else None
        lost = removals(before, made) if before else []
        if lost and not options["breaking"]:
            listed = "\n".join(f"  {line}" for line in lost)
            raise CommandError(f"a minor revision only adds; this takes away:\n{listed}")
        if options["write"]:
            FROZEN.parent.mkdir(exist_ok=True)
            FROZEN.write_text(frozen_text(made))
            self.stdout.write(f"{FROZEN.name}: {len(made['paths'])} paths")
        elif before != made:
            raise CommandError("docs/openapi.json is not current: run manage.py api_schema --write")
        else:
            self.stdout.write("docs/openapi.json is current")
