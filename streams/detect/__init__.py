"""Pure detectors: step(memory, batch) -> (memory, findings)."""
