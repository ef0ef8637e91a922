"""What is told over many deployments: the board, the calendar, the four keys, the release log."""
