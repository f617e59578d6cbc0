"""Plays recordings of real patients through the devices' own door."""
