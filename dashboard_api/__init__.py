"""HTTP API, live feed, page."""
