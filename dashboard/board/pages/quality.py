"""Quality."""

from board.answers import Asked


def body(asked: Asked) -> None:
    """Draws the page."""
