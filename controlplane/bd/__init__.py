"""`bd`: the work graph from a terminal. A client of the portal's API on the standard library
alone: it imports nothing of the portal, so that one file of it runs anywhere Python does.

A tool starts it a hundred times for one page, one after another. What costs a millisecond at
start (dataclasses, argparse, http.client, pathlib) is left out, and what only some commands need
is imported by them.
"""

# Beads' number whose commands it answers to; clients refuse older ones.
VERSION = "1.3.0"
BUILD = "portal"
SCHEMA_VERSION = 1
