"""Pages that are one's own: what one is told, how one is reached, and what a link answers."""
