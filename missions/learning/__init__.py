"""What is learnt from missions: figures of one, trends over its type, the library's look-ups."""
