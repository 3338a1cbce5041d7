"""Which key does what, and which are pressed."""

from __future__ import annotations

from collections.abc import Mapping

from . import inputs
from .inputs import Wish

MOVES: Mapping[str, tuple[int, float]] = {
    "d": (0, 1.0), "a": (0, -1.0), "w": (1, 1.0), "s": (1, -1.0), "r": (2, 1.0), "f": (2, -1.0),
    "right": (0, 1.0), "left": (0, -1.0), "up": (1, 1.0), "down": (1, -1.0),
    "page up": (2, 1.0), "page down": (2, -1.0),
    "i": (3, 1.0), "k": (3, -1.0), "u": (4, 1.0), "o": (4, -1.0), "j": (5, 1.0), "l": (5, -1.0),
}  # fmt: skip
"""Key to axis (x, y, z, then rotations about them) and direction, while it is pressed."""

SAYS: Mapping[str, str] = {
    "return": inputs.STOP, "g": inputs.GO, "tab": inputs.SWITCH, "space": inputs.GRIP, "y": inputs.SUCCESS,
    "n": inputs.FAILURE, "q": inputs.QUIT, "escape": inputs.QUIT, "+": inputs.FASTER, "=": inputs.FASTER,
    "-": inputs.SLOWER,
}  # fmt: skip
"""Key to word, when it is pressed. Keys that mean nothing do nothing."""

HELP = (
    "keys      w/s y, a/d x, r/f z (or arrows, page up and down), i/k u/o j/l turn; space grips; + and - speed",
    "          Tab takes over or hands back; Enter stops, g goes on; y success, n failure, q ends",
)


class Keyboard:
    """The keys that are pressed, and the words since the last wish."""

    def __init__(self) -> None:
        self._pressed: set[str] = set()
        self._words: list[str] = []

    def press(self, key: str) -> None:
        """A key goes down."""
        if key in MOVES:
            self._pressed.add(key)
        elif key in SAYS:
            self._words.append(SAYS[key])

    def release(self, key: str) -> None:
        """A key comes up."""
        self._pressed.discard(key)

    def release_all(self) -> None:
        """Nobody knows any more what is pressed."""
        self._pressed.clear()

    def say(self, word: str) -> None:
        """A word that no key says."""
        self._words.append(word)

    def wish(self) -> Wish:
        """What is wanted; each word is given once."""
        axes = [0.0] * 6
        for key in self._pressed:
            axis, direction = MOVES[key]
            axes[axis] += direction
        axes = [min(1.0, max(-1.0, value)) for value in axes]
        words, self._words = tuple(self._words), []
        return Wish((axes[0], axes[1], axes[2]), (axes[3], axes[4], axes[5]), words)
