"""The rule editor: a form that grows without script. Each step is a round trip that keeps what was
typed; `fields` reads and writes the form, `steps` adds, removes and moves its parts."""

from __future__ import annotations

from deployments.flags.editing.fields import from_post, from_settings, to_settings
from deployments.flags.editing.parts import (
    ConstraintDraft,
    Draft,
    RequireDraft,
    RuleDraft,
    VariantDraft,
)
from deployments.flags.editing.steps import step

__all__ = [
    "ConstraintDraft",
    "Draft",
    "RequireDraft",
    "RuleDraft",
    "VariantDraft",
    "from_post",
    "from_settings",
    "step",
    "to_settings",
]
