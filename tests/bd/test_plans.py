"""A plan in Markdown: every issue with its fields, nothing lost, nothing half read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bd import plans
from controlplane.bd.errors import BadOption

PLAN = """# The release of October
An introduction, of no issue.
### Priority
not read either

## Roll out 4.2 ##
First the small cohort.

### Background
Why it is done.

### Priority
1
### Type
deployment
### Labels
- ops, release
- on-call
### Acceptance Criteria
- the error rate stays below 1 %
### Dependencies
- bd-a1f, discovered-from:bd-9c2
- Rotate keys
### Due
2026-01-15T10:00:00Z

# Another chapter
of the document

## Rotate keys
```sh
## not a heading
### nor this
```
### Description
Every one of them.
#### In which order
Oldest first.
"""


def test_plan__is_read_whole() -> None:
    first, second = plans.read(PLAN, "p.md")
    assert first == {
        "title": "Roll out 4.2",
        "line": 6,
        "description": "First the small cohort.\n\n### Background\nWhy it is done.",
        "priority": "1",
        "type": "deployment",
        "labels": ["ops", "release", "on-call"],
        "acceptance": "- the error rate stays below 1 %",
        "deps": ["bd-a1f, discovered-from:bd-9c2", "Rotate keys"],
        "due": "2026-01-15T10:00:00Z",
    }
    assert second == {
        "title": "Rotate keys",
        "line": 30,
        "description": "```sh\n## not a heading\n### nor this\n```\n\n"
        "Every one of them.\n#### In which order\nOldest first.",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no issue in it"),
        ("# Only a chapter\n", "no issue in it"),
        ("##  \ntext", "line 1: an issue without a title"),
        ("## A\n### Priority\n1\n### Priority\n2", "line 4: Priority is given twice"),
        ("## A\n### Type\nbug\nfeature", "line 2: Type is one line"),
        ("## A\n### Due\nsome day", "some day"),
        ("## A\n```\n## B", "does not end"),
        ("## A\n" * 1_001, "at most 1000"),
    ],
)
def test_bad_plan__is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        plans.read(text, "p.md")


@given(st.text(alphabet="#` \n-:,ab~\r\u2028", max_size=80))
def test_any_text__is_a_plan_or_refused(text: str) -> None:
    try:
        issues = plans.read(text, "p.md")
    except BadOption:
        return
    assert all(issue["title"] for issue in issues)
