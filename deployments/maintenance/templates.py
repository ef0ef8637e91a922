"""What maintenance usually consists of, as data: copied into a window as its subtasks, where they
are changed and added to. Commands are the portal's own, or what its playbooks run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    slug: str
    title: str
    about: str
    tasks: Sequence[Task]


TEMPLATES: dict[str, Template] = {}


def define(slug: str, title: str, about: str, *tasks: Task) -> Template:
    TEMPLATES[slug] = Template(slug, title, about, tasks)
    return TEMPLATES[slug]


_BACKUP = Task(
    "Take a backup and check that it can be read",
    "python3 manage.py backup\n\nName the file and its checksum in a comment.",
)
_HEALTH = Task(
    "Check that everything answers",
    "python3 manage.py doctor\n\nCompare error rate and latency with those of before.",
)

define(
    "database-upgrade",
    "Database upgrade and reindex",
    "A new minor or major version of PostgreSQL, with fresh statistics and indexes after it.",
    _BACKUP,
    Task(
        "Upgrade PostgreSQL",
        "Stop the workers, upgrade the server, start it, start the workers. Say from which "
        "version to which.",
    ),
    Task("Refresh the statistics", "python3 manage.py vacuum"),
    Task("Rebuild the indexes", "python3 manage.py reindex"),
    _HEALTH,
)
define(
    "reindex",
    "Reindex",
    "Quarterly, or when queries have become slower than they were.",
    Task(
        "Note how large tables and indexes are",
        "python3 manage.py reindex --list",
    ),
    Task(
        "Rebuild the indexes",
        "python3 manage.py reindex\n\nOne after the other, without locking writers out.",
    ),
    Task(
        "Compare sizes and the slowest queries with those of before",
        "python3 manage.py reindex --list",
    ),
)
define(
    "certificates",
    "Certificate renewal",
    "Certificates that end before the next window are renewed in this one.",
    Task("List the certificates and when they end"),
    Task("Renew and install them"),
    Task("Check every host from outside", "Name, chain and end of each certificate."),
)
define(
    "scaling",
    "Scaling of the infrastructure",
    "More or fewer machines, larger disks, other limits.",
    Task("Note today's sizes and limits"),
    Task("Change them, one after the other"),
    Task("Watch load and connections under traffic"),
)
define(
    "dependencies",
    "Dependency updates",
    "Security patches of libraries, images and the operating system.",
    Task("List what is updated, and why"),
    Task("Run the tests with the new versions in staging"),
    Task("Update, and restart what uses it"),
    _HEALTH,
)
