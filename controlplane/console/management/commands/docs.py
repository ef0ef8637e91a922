"""`manage.py docs`: what the documents say of the code, made anew from the code."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from controlplane.console import documents
from controlplane.console.documents import source


class Command(BaseCommand):
    help = "Renew what is generated in docs/ and README, or --check that it is current."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing, fail if stale")

    def handle(self, *args: Any, **options: Any) -> None:
        # Doors register too (errors, duties): load them all, as a running portal does.
        import_module(settings.ROOT_URLCONF)
        for module in source.modules_of_defaults():
            import_module(module)
        import_module("controlplane.console.documents.parts")
        import_module("controlplane.console.documents.diagrams")
        stale = list(documents.stale())
        if options["check"] and stale:
            names = ", ".join(str(page.relative_to(settings.BASE_DIR)) for page, _ in stale)
            raise CommandError(f"not current: {names}. Run manage.py docs")
        for page, text in stale:
            page.write_text(text, encoding="utf-8")
            self.stdout.write(f"renewed {page.relative_to(settings.BASE_DIR)}")
        call_command("api_schema", write=not options["check"], stdout=self.stdout)
