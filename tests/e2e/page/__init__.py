"""A package, so that what its fixtures start ends with its last test (docs/adr/071-tests-side-by-side.md)."""
