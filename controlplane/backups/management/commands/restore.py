"""Bring a backup back."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlplane.access import dbroles
from controlplane.audit import anchors
from controlplane.audit.sealing import alias
from controlplane.audit.services import record
from controlplane.backups import files, pgtools, restoring, services
from controlplane.lib import actors
from controlplane.lib.errors import ControlPlaneError


class Command(BaseCommand):
    help = (
        "Restore a backup. It is checked against its checksum, restored beside the live database,"
        " counted and its audit log proved, and only then put in the live one's place; the old"
        " database is kept under another name."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a .dump file, or `latest`")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--into", metavar="URL", help="an empty database elsewhere")
        where.add_argument(
            "--scratch", action="store_true", help="practise: restore, compare, throw away"
        )
        parser.add_argument("--yes", action="store_true", help="replace the live database")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._restore(self._dump(options["file"]), options)
        except ControlPlaneError as error:
            raise CommandError(error.message) from error
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refused: {error}") from error

    def _dump(self, given: str) -> Path:
        if given != "latest":
            return Path(given)
        found = next(files.dumps(files.folder()), None)
        if found is None:
            raise CommandError("There is no backup in the state folder.")
        return found

    def _restore(self, dump: Path, options: dict[str, Any]) -> None:
        if options["scratch"]:
            self._practise(dump)
        elif options["into"]:
            found = restoring.restore_into(dump, restoring.at_url(options["into"]))
            self._tell(found)
        elif options["yes"]:
            self._replace(dump)
        else:
            files.verified(dump)
            raise CommandError(
                f"{dump.name} is whole. Restoring it ends every session and replaces the live"
                " database (which is kept under another name): nobody should be at work. Then add"
                " --yes."
            )

    def _practise(self, dump: Path) -> None:
        done = services.drill(actors.job("restore"), dump=dump)
        if not done.ok:
            raise CommandError(f"The drill failed: {done.error}")
        self.stdout.write(
            f"Restored {done.rows:,} rows in {done.tables} tables in {done.seconds:.1f} s;"
            " counts agree and the audit log is sound."
        )

    def _replace(self, dump: Path) -> None:
        live = pgtools.parameters(alias())
        name = f"{live['dbname']}_restored"
        with restoring.alone(live):
            # What a killed restore left: nobody else has it, for we are alone.
            restoring.drop(live, name)
            restoring.create(live, name)
            where = {**live, "dbname": name}
            try:
                found = restoring.restore_into(dump, where)
                self._tell(found)
                # The next start prepares the database anew: the backup may be an older release's.
                (Path(settings.STATE_DIR) / "prepared").unlink(missing_ok=True)
                kept = restoring.put_in_place(where)
            except BaseException:
                # An interrupted restore must not leave half a database behind.
                restoring.drop(live, name)
                raise
        dbroles.grant(dbroles.configured(), using=alias())
        anchors.mark_restored()
        record(
            actors.job("restore"),
            "backup.restore",
            f"backups.file:{dump.name}",
            details={"rows": found.rows, "taken_at": found.manifest.taken_at, "kept_as": kept},
        )
        self.stdout.write(f"The portal now runs on the backup of {found.manifest.taken_at}.")
        self.stdout.write(f"The database until now is kept as {kept}; drop it when content.")
        self.stdout.write("Next: manage.py prepare --no-demo, then start the portal anew.")

    def _tell(self, found: restoring.Restored) -> None:
        if found.fault:
            raise CommandError(f"The restored database differs: {found.fault}")
        self.stdout.write(
            f"Restored {found.rows:,} rows in {len(found.manifest.tables)} tables;"
            " counts agree and the audit log is sound."
        )
