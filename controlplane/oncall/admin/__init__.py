"""The rotas in the console: schedules and swaps."""

from controlplane.oncall.admin import overrides, schedules

__all__ = ["overrides", "schedules"]
