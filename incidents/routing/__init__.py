"""What becomes of an alert: rules, silences, what holds what back."""
