"""Console lists of deployments."""

from deployments.admin import releases

__all__ = ["releases"]
