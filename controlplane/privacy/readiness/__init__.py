"""The tree of files that the playbooks name (`docs/readiness/…`, `artifacts/…`), written from what
the portal knows: for a repository, an auditor, a shelf.

    tree      which files there are, and what stands in each
    writing   how they come onto a disk: all of them or none, and nobody's work is overwritten
"""
