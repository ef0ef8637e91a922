"""A runbook as it is written: front matter, sections, and steps in fenced blocks.

    ---
    slug: postgres_pool
    title: The database has no connection left
    severity: sev2
    owner: database_lead
    ---
    ## Symptoms
    ...
    ```step query: Who holds connections
    expect: fewer than the limit
    ---
    SELECT ...
    ```

A step is one block; its number is its place in the text. What is between braces is asked for when
it is run. Nothing here touches the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.access.role_table import ROLES
from controlplane.lib.given import refuse

MOST = 48_000  # characters
STEPS_MOST = 40
SECTIONS = (
    "Symptoms", "Immediate actions", "Diagnosis", "Resolution", "Verification", "Prevention",
    "Related", "Contacts",
)  # fmt: skip
AT_ONCE = ("Triage", "Containment", "Communication")
SEVERITIES = ("sev1", "sev2", "sev3", "sev4")
LISTS = ("aliases", "services", "labels")
# What a step may do. Everything else is text.
KINDS: Mapping[str, str] = {
    "hand": "By hand",
    "query": "A question to the database",
    "command": "A command of the portal",
    "look": "A look at a service",
    "measure": "A question to the measures",
    "terminate": "End a database query",
    "flag": "Switch a flag off",
    "breaker": "Trip or close a circuit breaker",
    "requeue": "Try given-up work again",
    "job": "Run a job",
}
# The line each of them needs.
NEEDS: Mapping[str, str] = {
    "command": "run", "look": "service", "measure": "question", "terminate": "pid",
    "flag": "flag", "breaker": "breaker", "requeue": "what", "job": "job",
}  # fmt: skip
CHANGES = frozenset({"terminate", "flag", "breaker", "requeue", "job"})
SLUG = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*\Z")
ASKED = re.compile(r"\{([a-z_]+)\}")
_LINE = re.compile(r"([a-z]+): ?(.*)\Z")
_FENCE = re.compile(r"```step ([a-z]+): (.+)\Z")
_HEADING = re.compile(r"(#{2,3}) (.+?)\s*\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """`given`: its lines by name. `body`: what stands under them."""

    number: int
    kind: str
    title: str
    given: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def expect(self) -> str:
        return self.given.get("expect", "")

    @property
    def otherwise(self) -> str:
        return self.given.get("otherwise", "")

    @property
    def acts(self) -> bool:
        return self.kind != "hand"

    @property
    def changes(self) -> bool:
        return self.kind in CHANGES

    @property
    def asked(self) -> tuple[str, ...]:
        """What whoever runs it fills in. The workspace is known."""
        said = "\n".join([*(self.given.get(n, "") for n in NEEDS.values()), self.body])
        if not self.acts:
            return ()
        return tuple(dict.fromkeys(n for n in ASKED.findall(said) if n != "workspace"))

    def data(self) -> dict[str, Any]:
        return {
            "number": self.number, "kind": self.kind, "title": self.title,
            "given": dict(self.given), "body": self.body,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the document: text, or one step."""

    text: str = ""
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Document:
    slug: str
    title: str
    severity: str
    owner: str
    category: str
    aliases: tuple[str, ...]
    services: tuple[str, ...]
    labels: tuple[str, ...]
    body: str
    parts: tuple[Part, ...]

    @property
    def steps(self) -> list[Step]:
        return [part.step for part in self.parts if part.step is not None]

    @property
    def symptoms(self) -> str:
        return section(self.body, "Symptoms")


def read(text: str) -> Document:
    """The runbook that this text is, or a refusal that says which line is wrong."""
    text = text.replace("\r\n", "\n").strip() + "\n"
    if len(text) > MOST:
        raise refuse("text", f"At most {MOST:,} characters.")
    if "\x00" in text:
        raise refuse("text", "It holds a character that no text has.")
    front, body = _split(text)
    parts = tuple(_parts(body))
    _sections(body)
    if sum(part.step is not None for part in parts) > STEPS_MOST:
        raise refuse("text", f"At most {STEPS_MOST} steps.")
    severity, owner = front.get("severity", ""), front.get("owner", "")
    if severity not in SEVERITIES:
        raise refuse("text", f"severity: one of {', '.join(SEVERITIES)}.")
    if owner not in ROLES:
        raise refuse("text", "owner: the role that looks after it, as sre_liaison.")
    return Document(
        slug=_slug(front.get("slug", "")),
        title=_line(front, "title", 120),
        severity=severity,
        owner=owner,
        category=front.get("category", "")[:40],
        aliases=tuple(_slug(each) for each in _list(front, "aliases")),
        services=tuple(each[:50] for each in _list(front, "services")),
        labels=tuple(each[:60] for each in _list(front, "labels")),
        body=body,
        parts=parts,
    )


def _split(text: str) -> tuple[dict[str, str], str]:
    lines = text.split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        raise refuse("text", "It begins with its front matter, between two lines of ---.")
    end = lines.index("---", 1)
    front = {}
    for number, written in enumerate(lines[1:end], 2):
        found = _LINE.match(written.strip())
        if found is None:
            raise refuse("text", f"Line {number}: name: value.")
        front[found[1]] = found[2].strip()
    return front, "\n".join(lines[end + 1 :]).strip() + "\n"


def _line(front: Mapping[str, str], name: str, most: int) -> str:
    found = front.get(name, "")
    if not found or len(found) > most:
        raise refuse("text", f"{name}: needed, at most {most} characters.")
    return found


def _list(front: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in front.get(name, "").split(",") if each.strip()][:20]


def _slug(given: str) -> str:
    if not SLUG.match(given) or len(given) > 60:
        raise refuse("text", "slug: small letters, digits and _, at most 60.")
    return given


def _sections(body: str) -> None:
    headings = [found[2] for found in map(_HEADING.match, outside_fences(body)) if found]
    for wanted in (*SECTIONS, *AT_ONCE):
        if wanted not in headings:
            raise refuse("text", f"It has no section “{wanted}”.")


def outside_fences(body: str) -> Iterator[str]:
    inside = False
    for line in body.split("\n"):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield line


def section(body: str, title: str) -> str:
    """What stands under this heading of the second level."""
    found: list[str] = []
    inside = fenced = False
    for line in body.split("\n"):
        fenced = fenced != line.startswith("```")
        if not fenced and line.startswith("## "):
            inside = line[3:].strip() == title
        elif inside:
            found.append(line)
    return "\n".join(found).strip()


def _parts(body: str) -> Iterator[Part]:
    text: list[str] = []
    block: list[str] = []
    fence, number = "", 0
    for line in body.split("\n"):
        if fence:
            if line == "```":
                number += 1
                yield Part(step=_step(number, fence, block))
                fence, block = "", []
            else:
                block.append(line)
        elif line.startswith("```step"):
            fence = line
            if "".join(text).strip():
                yield Part("\n".join(text).strip())
            text = []
        else:
            text.append(line)
    if fence:
        raise refuse("text", f"“{fence}” has no end.")
    if "".join(text).strip():
        yield Part("\n".join(text).strip())


def _step(number: int, fence: str, block: list[str]) -> Step:
    found = _FENCE.match(fence)
    if found is None or found[1] not in KINDS:
        raise refuse("text", f"Step {number}: ```step KIND: title, of {', '.join(KINDS)}.")
    kind, given = found[1], {}
    if "---" in block:
        cut = block.index("---")
        head, body = block[:cut], block[cut + 1 :]
    else:  # what is done by hand is text; what the portal does is lines
        head, body = ([], block) if kind == "hand" else (block, [])
    for written in head:
        line = _LINE.match(written.strip())
        if line is None:
            raise refuse("text", f"Step {number}: “{written.strip()[:60]}” is no line name: value.")
        given[line[1]] = line[2].strip()
    needed = NEEDS.get(kind, "")
    if needed and not given.get(needed):
        raise refuse("text", f"Step {number}: a step “{kind}” says {needed}:.")
    whole = "\n".join(body).strip()
    if kind in {"hand", "query"} and not whole:
        raise refuse("text", f"Step {number} says nothing to do.")
    return Step(number, kind, found[2].strip()[:120], given, whole)


def steps_of(data: Any) -> list[Step]:
    """As a version keeps them."""
    return [Step(**each) for each in data]
