"""What the packages below found, heard as alerts of the portal's own source: telemetry's rules,
probes, breakers, canaries, safeguards, refusals, drift, threads that are stuck; and maintenance,
which keeps alerts quiet.

Each signal is heard once, in its own transaction, in any order.
"""
