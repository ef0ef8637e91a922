"""Waking who sleeps: rows that ask for it, supervisors that claim them, ways to reach a runtime."""
