"""Policies of escalation, who was called, and how one is called oneself, over the API."""
