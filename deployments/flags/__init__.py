"""Feature flags: what is on, for whom, since when and by whom; asked by any SDK, killed by anyone
on call."""
