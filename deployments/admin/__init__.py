"""Console lists of deployments."""

from deployments.admin import adapters, freezes, launches, releases, rollouts

__all__ = ["adapters", "freezes", "launches", "releases", "rollouts"]
