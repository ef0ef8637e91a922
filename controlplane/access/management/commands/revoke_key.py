from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.access.models import ApiKey
from controlplane.access.services.keys import revoke_key
from controlplane.lib.actors import job


class Command(BaseCommand):
    help = "Revoke an API key, and with it the tokens it was exchanged for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="cp_<environment>_<id>; a whole key does too")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        # Who has just found a leaked key has the whole of it at hand.
        prefix = "_".join(options["prefix"].strip().rstrip("…").split("_")[:3])
        key = ApiKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError("There is no key with this prefix.")
        revoke_key(key, actor=job("revoke_key"), reason=options["reason"])
        self.stdout.write(f"{key.prefix} is revoked.")
