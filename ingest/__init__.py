"""The devices' door: MQTT in, columnar readings out."""
