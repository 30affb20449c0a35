"""What is taken where nobody chooses; imports nothing, so that a command line may start with it."""

from typing import Final

BUNDLE: Final = "phantom-1"
"""Name of the bundle that a node serves and that a command asks."""
