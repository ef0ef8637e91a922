"""What stands at the doors of a stage, and what is found there."""
