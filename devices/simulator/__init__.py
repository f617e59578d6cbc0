"""Seeded patients on real MQTT connections."""
