"""Threads, wakes and runtimes in the console."""

from missions.threads.admin import threads  # noqa: F401
