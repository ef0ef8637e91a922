"""Console lists of deployments."""

from deployments.admin import releases, rollouts

__all__ = ["releases", "rollouts"]
