"""What the console shows of the work graph: words and plain data, drawn by its kit."""
