"""A copy of production for testing: restored beside it, scrubbed there, searched, dumped."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from controlplane.access.models import User
from controlplane.backups import dumping, files, pgtools, restoring
from controlplane.jobs import progress
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid
from controlplane.notify.models import Contact, ContactMethod
from controlplane.privacy import scrubbing

_MAIL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
_NAME_LENGTH = 6  # "Ada" is also a word


@dataclass(frozen=True, slots=True)
class Copy:
    file: Path
    taken_at: datetime
    sha256: str
    size: int
    proof: dict[str, Any]


def make(to: Path) -> Copy:
    """Dump, restore into a scratch database, scrub, look for people, dump that. Nothing that
    still holds somebody ever gets the name asked for."""
    if to.exists():
        raise Invalid(f"{to} is there already.")
    if not to.parent.is_dir():
        raise Invalid(f"There is no folder {to.parent}.")
    taken = clock.now()
    with _private_folder() as folder:
        source, _ = dumping.dump(taken, folder)
        with restoring.scratch() as where:
            restoring.restore_into(source, where)
            with restoring.connect(where) as copy:
                told = scrubbing.scrub(copy)
            found = _people_in(where)
            if found:
                raise Conflict(
                    f"The copy still names somebody in {len(found)} places; it is thrown away.",
                    details={"places": found[:20]},
                )
            partial = folder / "scrubbed"
            tool = pgtools.binary("pg_dump", server=_version(where))
            pgtools.run([tool, "-Fc", "--no-owner", "-f", str(partial)], where)
        partial.chmod(0o600)
        shutil.move(partial, to)
    proof = asdict(told)
    return Copy(to, taken, files.checksum(to), to.stat().st_size, proof)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Beside the backups: as closed as they are, and on a disk that holds such things."""
    with tempfile.TemporaryDirectory(dir=files.folder(), prefix="copy-") as name:
        yield Path(name)


def _version(where: restoring.Where) -> int:
    with restoring.connect(where) as copy:
        return copy.info.server_version // 10_000


def _people_in(where: restoring.Where) -> list[str]:
    """Any address but ours, and the name of anybody with an account: searched in what pg_dump
    would write, so that no table is forgotten. Answers the tables, never what was found."""
    known = [*User.objects.values_list("name", flat=True)]
    known += Contact.objects.exclude(phone="").values_list("phone", flat=True)
    known += ContactMethod.objects.exclude(kind="email").values_list("target", flat=True)
    names = [
        shape.encode()
        for word in known
        for shape in {word.lower(), word.lower().replace(" ", "-")}
        if len(word) >= _NAME_LENGTH and (" " in word or word[-1:].isdigit())
    ]
    tool = pgtools.binary("pg_dump", server=_version(where))
    with subprocess.Popen(  # noqa: S603 - a fixed tool, no shell
        [tool, "-Fp", "--data-only", "--no-owner"],
        env=pgtools.environment(where),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        found = sorted(set(_search(process.stdout, names)))
    if process.returncode:
        raise Conflict("The scrubbed copy could not be searched.")
    return found


def _search(lines: IO[bytes], names: list[bytes]) -> Iterator[str]:
    table = ""
    for number, line in enumerate(lines):
        if number % 100_000 == 0:
            progress.step(number, None, "lines searched for people")
        if line.startswith(b"COPY public."):
            table = line.split(b" ", 2)[1].decode().removeprefix("public.")
            continue
        ours, lower = f"@{scrubbing.NOWHERE}".encode(), line.lower()
        if any(not mail.endswith(ours) for mail in _MAIL.findall(line)) or any(
            name in lower for name in names
        ):
            yield table
