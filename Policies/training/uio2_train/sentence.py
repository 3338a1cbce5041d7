"""The sentences of the pick-and-place action space as tokens of one vocabulary, as the runtime's grammar has them.

``1: pick from ( x y r ) and place to ( x y r ) 2: push from ( x y r ) and push to ( x y r )``: between its words stand
location tokens. Where one word alone may follow it is forced; a model decides ``pick`` or ``push``, and after each step
whether there is another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import TrainingError
from .specification import BINS
from .tokenizer import EOS, Tokenizer, location_text

VERBS = {"pick_and_place": ("pick", "place"), "push": ("push", "push")}
Step = tuple[str, list[int]]
"""A primitive and its six bins."""


@dataclass(frozen=True)
class PoseRanges:
    """Of x and y, metres; rotations have a whole turn."""

    x: tuple[float, float]
    y: tuple[float, float]

    def limits(self) -> np.ndarray:
        """``[6, 2]``."""
        return np.array([self.x, self.y, (0.0, 2 * math.pi)] * 2)

    def steps(self, moves: Sequence[Sequence[str | float]]) -> list[Step]:
        """Moves, a primitive and six numbers each, as steps: positions are clipped, rotations taken modulo a turn."""
        found = []
        for primitive, *numbers in moves:
            values = np.array(numbers, dtype=np.float64)
            turns = values[[2, 5]]
            values[[2, 5]] = np.where((turns < 0) | (turns > 2 * math.pi), turns % (2 * math.pi), turns)
            low, high = self.limits().T
            unit = np.clip((values - low) / (high - low), 0.0, 1.0)
            found.append((str(primitive), np.floor(unit * (BINS - 1) + 0.5).astype(int).tolist()))
        return found

    def values(self, bins: Sequence[int]) -> np.ndarray:
        """What six bins stand for."""
        low, high = self.limits().T
        return low + np.asarray(bins, dtype=np.float64) / (BINS - 1) * (high - low)


@dataclass
class Answer:
    """A sentence, token by token."""

    ids: list[int] = field(default_factory=list)
    """With the end."""
    bins: list[int] = field(default_factory=list)
    """Of locations; -1 elsewhere."""
    chosen: list[int] = field(default_factory=list)
    """1 for words that might have been others."""

    def say(self, ids: Sequence[int], chosen: Sequence[bool]) -> None:
        """Adds words."""
        self.ids += ids
        self.bins += [-1] * len(ids)
        self.chosen += [int(value) for value in chosen]

    def locate(self, bins: Sequence[int], ids: Sequence[int]) -> None:
        """Adds locations."""
        self.ids += ids
        self.bins += bins
        self.chosen += [0] * len(ids)


class SentenceTokens:
    """Writes and decodes sentences in a vocabulary.

    Args:
        tokenizer: the vocabulary.
        maximum_steps: of an answer.

    Raises:
        TrainingError: ``invalid_tokenizer`` when it cannot keep words and locations apart.
    """

    def __init__(self, tokenizer: Tokenizer, maximum_steps: int) -> None:
        self.tokenizer, self.maximum_steps = tokenizer, maximum_steps
        self._middles = {name: self._spell(f") and {verbs[1]} to (", True, True) for name, verbs in VERBS.items()}
        self._end = [*self._spell(")", True, False), EOS]
        self.openings = [
            {name: self._spell(self._opening(number, verbs[0]), number > 1, True) for name, verbs in VERBS.items()}
            for number in range(1, maximum_steps + 1)
        ]
        self._lengths = {len(tokens) for opening in self.openings for tokens in opening.values()}

    @staticmethod
    def _opening(number: int, verb: str) -> str:
        return f"{') ' if number > 1 else ''}{number}: {verb} from ("

    def _spell(self, words: str, after: bool, before: bool) -> list[int]:
        """The tokens of words as they stand between locations."""
        location = location_text(np.array([500]))
        ids = self.tokenizer.encode(f"{location + ' ' if after else ''}{words}{' ' + location if before else ''}")
        ids = ids[int(after) : len(ids) - int(before)]
        if not ids or any(token in self.tokenizer.location_ids for token in ids):
            raise TrainingError("invalid_tokenizer", words, "cannot be written beside locations in this vocabulary")
        return ids

    def _branches(self, number: int) -> list[list[int]]:
        """What may stand after ``number`` steps, before the next locations."""
        further = list(self.openings[number].values()) if number < self.maximum_steps else []
        return further + ([self._end] if number else [])

    def answer(self, steps: Sequence[Step]) -> Answer:
        """Steps as tokens."""
        answer = Answer()
        for number, (primitive, bins) in enumerate(steps):
            words = self.openings[number][primitive]
            answer.say(words, _open(words, self._branches(number)))
            for part, middle in ((bins[:3], self._middles[primitive]), (bins[3:], None)):
                answer.locate(part, self.tokenizer.locations(np.array(part)).tolist())
                if middle is not None:
                    answer.say(middle, [False] * len(middle))
        answer.say(self._end, _open(self._end, self._branches(len(steps))))
        return answer

    def choices(self, ids: Sequence[int]) -> list[int] | range | None:
        """The tokens that may follow; ``None`` at the end.

        Raises:
            ValueError: the tokens so far are no beginning of a sentence.
        """
        rest, number = list(ids), 0
        while True:
            branches = self._branches(number)
            said = 0
            while len(branches) > 1 or said < len(branches[0]):
                if said == len(rest):
                    return sorted({branch[said] for branch in branches if said < len(branch)})
                branches = [branch for branch in branches if said < len(branch) and branch[said] == rest[said]]
                if not branches:
                    raise ValueError(f"no sentence of the action space: {list(ids)}")
                said += 1
            if branches[0] is self._end:
                return None
            primitive = next(name for name, words in self.openings[number].items() if words is branches[0])
            rest = rest[said:]
            for words in (self._middles[primitive], []):
                if len(rest) < 3:
                    return self.tokenizer.location_ids
                rest = rest[3:]
                if len(rest) < len(words):
                    return [words[len(rest)]]
                rest = rest[len(words) :]
            number += 1


def _open(words: Sequence[int], branches: Sequence[Sequence[int]]) -> list[bool]:
    """Where, of words that are one of several branches, another token might have stood."""
    result = []
    left = list(branches)
    for place, token in enumerate(words):
        result.append(len({branch[place] for branch in left if place < len(branch)}) > 1)
        left = [branch for branch in left if place < len(branch) and branch[place] == token]
    return result
