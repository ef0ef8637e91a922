"""What a new runbook begins with."""

from __future__ import annotations

BLANK = """---
slug: what_it_is_called
title: What is wrong, in one line
severity: sev3
owner: sre_liaison
labels: one, two
services:
---
## Symptoms

- What somebody sees of it.

## Immediate actions

### Triage

```step hand: Look at it
expect: what is seen when all is well
otherwise: where to go on
---
What to look at, and how.
```

### Containment

- What stops it hurting now.

### Communication

- Who is told what.

## Diagnosis

```step measure: Slow and failing services
question: requests-by-service
expect: errors under 1 %
```

## Resolution

1. The way that works most often.

## Verification

- How one knows that it is over.

## Prevention

- What keeps it from coming back.

## Related

`service_unavailable`

## Contacts

Owner: the role above. Who is on duty: `/admin/oncall/board/`.
"""
