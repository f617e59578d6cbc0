"""Detection and archiving."""
