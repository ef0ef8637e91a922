"""Key figures, panels and audit rules that rest on rows of missions instead of on what was
reported of them."""
