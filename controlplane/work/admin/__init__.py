"""Console pages of the work graph."""

from controlplane.work.admin import items, projects

__all__ = ["items", "projects"]
