"""The launcher and the real parts."""
