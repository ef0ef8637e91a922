"""Console lists of deployments."""

from deployments.admin import adapters, freezes, releases, rollouts

__all__ = ["adapters", "freezes", "releases", "rollouts"]
