"""Consent asked for and given, once, for everything: it knows a packet, a policy and people, and
never what is being approved."""
