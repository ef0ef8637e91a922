"""The sixteen rules, and those that packages below registered about workspaces."""

from missions.governance.rules import record, way, workspace

__all__ = ["record", "way", "workspace"]
