"""Pages of feature flags beside the admin's lists: the rule editor, the switch, the try-out."""
