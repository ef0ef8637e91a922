"""The support desk: its hours, whom it escalates to, tickets and what answers them."""
