"""The public status page: computed, written ahead, and read without the database."""
