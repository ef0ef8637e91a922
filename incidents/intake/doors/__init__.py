"""Where senders knock. Each door answers as its sender expects, refusals included."""
