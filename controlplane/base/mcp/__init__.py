"""The Model Context Protocol at `/mcp`: a door for agents over the same services as the API.

Stateless: each POST is one JSON-RPC message, and all that is needed to answer it stands in it.
Revision 2026-07-28, and beside it those before it that begin with `initialize`, without sessions.
A package has a module that adds its tools and resources to `registry.server`, and names it to
`parts.add` in its `apps.py`.
"""
