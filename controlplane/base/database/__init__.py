"""Django's PostgreSQL, with a pool that hands its connections out with less ado."""
