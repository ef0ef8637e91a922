"""The names that stages had before stand beside those they have now."""

from __future__ import annotations

from django.conf import settings

from missions.stages import LEGACY_LABELS, STAGES


def test_glossary__names_every_stage_as_it_was_called_before() -> None:
    said = (settings.BASE_DIR / "docs" / "operators.md").read_text()
    for stage in STAGES.values():
        eight = ", ".join(LEGACY_LABELS[name] for name in stage.legacy)
        assert f"| {stage.label} | {eight} | {', '.join(stage.seven)} |" in said
