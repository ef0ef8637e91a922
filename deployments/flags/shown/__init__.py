"""What the pages of flags say: the sentence of a flag, its figures, how a program connects."""
