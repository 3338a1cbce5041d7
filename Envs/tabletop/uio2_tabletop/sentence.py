"""Moves as sentences: what a policy of the ``pick_and_place`` action space says, written and read as the daemon does.

``1: pick from ( x y r ) and place to ( x y r ) 2: push from ( x y r ) and push to ( x y r )``, where a number is one of
the thousand location tokens ``<extra_id_200>`` to ``<extra_id_1199>``. ``Envs/tests/sentences.json`` holds both sides
to the same text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from .moves import PICK_AND_PLACE, PUSH, X_RANGE, Y_RANGE, Move

TURN_RANGE = (0.0, 2 * math.pi)
RANGES = (X_RANGE, Y_RANGE, TURN_RANGE)
"""Of x, y and the rotation, at both ends of a move."""
BINS = 1000
_FIRST_TOKEN = 200
_VERBS = {PICK_AND_PLACE: ("pick", "place"), PUSH: ("push", "push")}
_TOKEN = re.compile(r"<extra_id_(0|[1-9][0-9]{0,5})>", re.ASCII)


class SentenceError(ValueError):
    """A text is no sentence of the action space. Says what was expected, and what was found."""


def bin_of(value: float, low: float, high: float) -> int:
    """The bin whose value lies nearest to ``value``, which is clipped to its range."""
    unit = min(max((value - low) / (high - low), 0.0), 1.0)
    return math.floor(unit * (BINS - 1) + 0.5)


def value_of(index: int, low: float, high: float) -> float:
    """What a bin stands for."""
    return min(max(low + index / (BINS - 1) * (high - low), low), high)


def bins(move: Move) -> list[int]:
    """The six bins of a move; rotations are taken modulo one turn, and a whole turn keeps its own bin."""
    found = []
    for index, value in enumerate(float(value) for value in move.values):
        low, high = RANGES[index % 3]
        if index % 3 == 2 and not low <= value <= high:
            value %= 2 * math.pi
        found.append(bin_of(value, low, high))
    return found


def move_of(primitive: str, found: Sequence[int]) -> Move:
    """The move that six bins stand for."""
    return Move.of(primitive, [value_of(index, *RANGES[place % 3]) for place, index in enumerate(found)])


def say(moves: Sequence[Move]) -> str:
    """Some moves as a sentence."""
    steps = []
    for number, move in enumerate(moves, start=1):
        words = [f"<extra_id_{_FIRST_TOKEN + index}>" for index in bins(move)]
        first, second = _VERBS[move.primitive]
        steps.append(f"{number}: {first} from ( {' '.join(words[:3])} ) and {second} to ( {' '.join(words[3:])} )")
    return " ".join(steps)


def read(text: str) -> list[Move]:
    """The moves of a sentence, at least one.

    Raises:
        SentenceError: the text is anything else; steps must count up from 1, and the last one must be whole.
    """
    words = text.split()
    moves: list[Move] = []
    place = 0

    def take(*expected: str) -> str:
        nonlocal place
        found = words[place] if place < len(words) else None
        if found not in expected:
            shown = "the end" if found is None else f'"{found[:40]}"'
            wanted = " or ".join(f'"{word}"' for word in expected)
            raise SentenceError(f"expected {wanted} in step {len(moves) + 1}, found {shown}")
        place += 1
        return found

    def location() -> int:
        nonlocal place
        found = words[place] if place < len(words) else ""
        match = _TOKEN.fullmatch(found)
        index = int(match[1]) - _FIRST_TOKEN if match else -1
        if not 0 <= index < BINS:
            shown = f'"{found[:40]}"' if found else "the end"
            raise SentenceError(
                f"expected a location <extra_id_200>...<extra_id_1199> in step {len(moves) + 1}, found {shown}"
            )
        place += 1
        return index

    while True:
        take(f"{len(moves) + 1}:")
        verb = take("pick", "push")
        primitive = PUSH if verb == "push" else PICK_AND_PLACE
        take("from")
        take("(")
        found = [location() for _ in range(3)]
        take(")")
        take("and")
        take(_VERBS[primitive][1])
        take("to")
        take("(")
        found += [location() for _ in range(3)]
        take(")")
        moves.append(move_of(primitive, found))
        if place == len(words):
            return moves
