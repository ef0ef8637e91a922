"""`manage.py redact`: standard input to standard output, redacted, line by line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand

from controlplane.lib.redaction.stream import LONGEST_LINE, Lines


class Command(BaseCommand):
    help = (
        "Redact standard input to standard output, line by line. Needs no database. Text past "
        "16 KiB in one string is cut off. Bytes that are not UTF-8 pass through unchanged."
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json-lines", action="store_true", help="each line is one JSON string, in and out"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # A reader that has seen enough (`| head`) is no error.
        with suppress(BrokenPipeError):
            redact_stream(sys.stdin.buffer, sys.stdout.buffer, json_lines=options["json_lines"])


def redact_stream(source: BinaryIO, target: BinaryIO, *, json_lines: bool) -> None:
    lines = Lines()
    for raw in _lines(source):
        body = raw.rstrip(b"\r\n")
        text = body.decode("utf-8", "surrogateescape")
        redact = lines.json if json_lines and text.strip() else lines.text
        result = redact(text)
        target.write(result.encode("utf-8", "surrogateescape") + raw[len(body) :])
        target.flush()


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Lines of bounded length; what is past the bound would be cut off anyway."""
    while line := source.readline(LONGEST_LINE):
        if not line.endswith(b"\n"):
            while (rest := source.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            line += b"\n" if rest else b""
        yield line
