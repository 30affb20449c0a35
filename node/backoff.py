"""How long to wait before trying again."""


def backoff_s(attempts: int, first_s: float, longest_s: float) -> float:
    """Give the seconds to wait after so many attempts: doubles each time, up to a limit."""
    return float(min(longest_s, first_s * 2.0 ** min(attempts - 1, 60)))
