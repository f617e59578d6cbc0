"""The vocabulary that all parts share: vitals, wire forms, topics, errors. No I/O and no clock."""
