"""Threads at a terminal of the installation: looked at, unblocked, overridden by its operators."""

from missions.threads.terminal.commands import OperatorCommand, ThreadCommand
from missions.threads.terminal.identity import operator

__all__ = ["OperatorCommand", "ThreadCommand", "operator"]
