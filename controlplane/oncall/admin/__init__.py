"""The rotas in the console: schedules and swaps."""

from controlplane.oncall.admin import asking, overrides, schedules

__all__ = ["asking", "overrides", "schedules"]
