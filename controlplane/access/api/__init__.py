"""Machines' ways in, over the API: agents, keys, tokens, outside issuers, and who one is."""
