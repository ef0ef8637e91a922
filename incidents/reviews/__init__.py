"""What was learned of an incident: its review, what is to be done after it, and its report."""
