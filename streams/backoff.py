"""How long to wait before trying again: exponential, with a cap, and jitter so that many do not come back at once. Pure."""


def pause(attempt: int, chance: float, first: float = 0.2, most: float = 3.0) -> float:
    """Seconds before attempt number `attempt` (1 = the first repeat); `chance` in [0, 1): between half and the whole of the step."""
    step = min(most, first * 2.0 ** min(attempt - 1, 30))
    return step * (0.5 + chance / 2)
