"""Timers, jobs, the watch and recurring obligations in the console."""

from controlplane.jobs.admin import duties, engine, timing, watching

__all__ = ["duties", "engine", "timing", "watching"]
