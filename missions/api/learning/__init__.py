"""What is learnt from missions, the library, training and meetings, over the API."""
