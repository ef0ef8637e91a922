"""Console lists of deployments."""

from deployments.admin import adapters, freezes, launches, releases, rollouts, windows

__all__ = ["adapters", "freezes", "launches", "releases", "rollouts", "windows"]
