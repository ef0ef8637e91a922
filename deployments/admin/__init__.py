"""Console lists of deployments."""

from deployments.admin import freezes, releases, rollouts

__all__ = ["freezes", "releases", "rollouts"]
