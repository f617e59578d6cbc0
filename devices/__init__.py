"""Devices that are not there: the simulator and the replay."""
