"""Threads, wakes and runtimes in the console."""

from missions.threads.admin import sessions, threads, wakes  # noqa: F401
