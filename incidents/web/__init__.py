"""Pages beside the lists and rows of the console."""
