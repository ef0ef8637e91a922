"""Game days: an incident is played from the first call to its review, and scored."""
