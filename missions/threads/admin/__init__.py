"""Threads, wakes and runtimes in the console."""

from missions.threads.admin import policies, sessions, threads, wakes  # noqa: F401
