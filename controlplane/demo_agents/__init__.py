"""Reference agents that live in the demo workspace: what an agent does, told in acts.

A client and nothing else: it speaks to the portal by its public API with keys of its own, needs
only the standard library, and imports nothing of the product. `manage.py demo_agents` gives it its
keys and runs it.
"""
