"""Flags for those who ask: tokens, one ruleset in memory of every process, OFREP and the Unleash
client API, and what is counted of the asking.

`store` holds the rulesets and keeps them true; nothing that answers a request asks the database.
"""
