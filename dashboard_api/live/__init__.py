"""The live feed: wards' state in memory, fed from Kafka, told to every dashboard over WebSocket (`vigil.v1`)."""
