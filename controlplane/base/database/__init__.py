"""Django's PostgreSQL, with a pool that hands its connections out with less ado, and savepoints
that take no way to the server of their own."""
