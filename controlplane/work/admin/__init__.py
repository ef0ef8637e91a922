"""Console pages of the work graph."""

from controlplane.work.admin import github, items, projects

__all__ = ["github", "items", "projects"]
