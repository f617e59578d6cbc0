"""What CONTRACT.md promises and more than one door must keep."""

ALERT = frozenset(("id", "patient", "ward", "class", "priority", "state", "rule", "title", "started_at", "ended_at", "retrospective",
                   "evidence", "delays"))  # fmt: skip
"""The fields that every alert has (section 4)."""
