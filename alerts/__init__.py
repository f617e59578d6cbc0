"""From findings to the right person."""
