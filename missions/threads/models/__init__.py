"""Threads, what is said in them, who takes part, and how sleepers are woken."""

from missions.threads.models.messages import Message
from missions.threads.models.policies import ThreadEscalationPolicy
from missions.threads.models.sessions import PUSHED, RuntimeSession
from missions.threads.models.threads import AgentPulse, Participant, Thread
from missions.threads.models.wakes import WakeAttempt, WakeRun, WakeTrigger

__all__ = [
    "PUSHED",
    "AgentPulse",
    "Message",
    "Participant",
    "RuntimeSession",
    "Thread",
    "ThreadEscalationPolicy",
    "WakeAttempt",
    "WakeRun",
    "WakeTrigger",
]
