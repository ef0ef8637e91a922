"""A plan in Markdown, as `create --file` takes it: each `## heading` is an issue, the text under it
its description, and each `### heading` below one of its fields.

    ## Roll out 4.2
    What is to be done.
    ### Priority
    1
    ### Dependencies
    bd-a1f, discovered-from:bd-9c2
    Rotate keys

What stands before the first issue, or under a `# heading`, belongs to the document alone. A
`### heading` that names no field stays a part of the description, heading and all: a plan says more
than an issue has fields for, and none of it is dropped.
"""

from __future__ import annotations

import re

from controlplane.bd.errors import BadOption

MOST = 1_000
_HEADING = re.compile(r"(#{1,3})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
# What may stand over a field, and the field.
FIELDS = {
    "priority": "priority",
    "type": "type",
    "issue type": "type",
    "description": "description",
    "design": "design",
    "acceptance criteria": "acceptance",
    "acceptance": "acceptance",
    "notes": "notes",
    "assignee": "assignee",
    "labels": "labels",
    "dependencies": "deps",
    "deps": "deps",
    "estimate": "estimate",
    "external ref": "external_ref",
    "due": "due",
    "defer": "defer",
}
_LONG = frozenset({"description", "design", "acceptance", "notes"})
_MOMENTS = frozenset({"due", "defer"})
Issue = dict[str, object]


def read(text: str, path: str) -> list[Issue]:
    """The issues of a plan, each with the line it begins on."""
    found: list[tuple[int, str, list[tuple[int, str, list[str]]]]] = []
    below: list[str] | None = None  # where lines go; None where they belong to no issue
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _fenced(line, fence)
        heading = None if fence else _HEADING.match(line)
        if heading is None or (len(heading[1]) == 3 and below is None):
            if below is not None:
                below.append(line)
        elif len(heading[1]) == 1:
            below = None
        elif len(heading[1]) == 2:
            below = []
            found.append((number, heading[2], [(number, "", below)]))
        else:
            below = []
            found[-1][2].append((number, heading[2], below))
    if fence:
        raise BadOption(f"{path}: a block of code begins with {fence} and does not end")
    if not found:
        raise BadOption(f"{path}: no issue in it: each begins with a line `## Title`")
    if len(found) > MOST:
        raise BadOption(f"{path}: {len(found)} issues, and at most {MOST} are taken at once")
    return [_issue(path, *each) for each in found]


def _fenced(line: str, fence: str) -> str:
    """The fence that is open after this line: headings inside one are code."""
    mark = _FENCE.match(line)
    if mark is None:
        return fence
    if not fence:
        return mark[1]
    ends = mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line[mark.end() :].strip()
    return "" if ends else fence


def _issue(path: str, at: int, title: str, sections: list[tuple[int, str, list[str]]]) -> Issue:
    if not title:
        raise BadOption(f"{path}, line {at}: an issue without a title")
    issue: Issue = {"title": title, "line": at}
    told: list[str] = []
    for number, heading, lines in sections:
        text = "\n".join(lines).strip()
        field = FIELDS.get(heading.lower()) if heading else "description"
        if field is None or field == "description":
            told.append(f"### {heading}\n{text}".rstrip() if field is None else text)
        elif field in issue:
            raise BadOption(f"{path}, line {number}: {heading} is given twice")
        elif text:
            issue[field] = _value(path, number, heading, field, text)
    description = "\n\n".join(filter(None, told))
    return {**issue, "description": description} if description else issue


def _value(path: str, number: int, heading: str, field: str, text: str) -> object:
    if field in _LONG:
        return text
    lines = [_BULLET.sub("", line).strip() for line in text.splitlines() if line.strip()]
    if field == "deps":
        return lines  # an id, several, or a title with commas in it: the portal knows which
    if field == "labels":
        return [
            part for line in lines for part in (each.strip() for each in line.split(",")) if part
        ]
    if len(lines) > 1:
        raise BadOption(f"{path}, line {number}: {heading} is one line")
    if field in _MOMENTS:
        from controlplane.bd import times

        return times.exact(lines[0], flag=field)
    return lines[0]
