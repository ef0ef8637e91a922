"""Threads as tools and resources of `/mcp`: every operation of the API, by the same services."""

from missions.threads.mcp import tools  # noqa: F401  (adds them)
