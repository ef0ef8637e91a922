"""What is asked before agents act, and how their reports become one story."""
