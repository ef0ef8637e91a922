"""What pages and answers show of missions."""
