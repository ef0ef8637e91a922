"""Approvals in the console: the queue and the packet, policies, signatures, delegations."""

from controlplane.approvals.admin import decisions, delegations, policies, requests

__all__ = ["decisions", "delegations", "policies", "requests"]
