"""What supervisors and operators write about wakes."""
