"""How an instruction is said in training: one of several wordings, with case, punctuation and spacing varied."""

from __future__ import annotations

import re

import numpy as np

from spec import INSTRUCTIONS, Recipe
from wordings import TRAINED

CANONICAL = 0.4
"""Share of samples that are told the first wording."""
LOWER, UPPER, TITLE = 0.3, 0.03, 0.05
"""Shares of other cases; the rest stays as written."""
ENDINGS = ((".", 0.5), ("", 0.4), ("!", 0.06), (" .", 0.04))
"""What a sentence ends with, and how often."""
LOOSE_SPACES = 0.15
"""Share of sentences with a space doubled, before or after."""


def vary(sentence: str, random: np.random.Generator) -> str:
    """The same words, written as people write them: other case, other final punctuation, stray spaces."""
    text = sentence.rstrip(" .!")
    choice = random.random()
    if choice < LOWER:
        text = text.lower()
    elif choice < LOWER + UPPER:
        text = text.upper()
    elif choice < LOWER + UPPER + TITLE:
        text = text.title()
    endings, shares = zip(*ENDINGS, strict=True)
    text += endings[random.choice(len(endings), p=shares)]
    if random.random() < LOOSE_SPACES:
        gaps = [0, *(match.start() for match in re.finditer(" ", text)), len(text)]
        gap = gaps[random.integers(len(gaps))]
        text = f"{text[:gap]} {text[gap:]}"
    return text


def plain(sentence: str) -> str:
    """What ``vary`` leaves as it is: the words in lower case, single spaces, no final punctuation."""
    return " ".join(sentence.lower().rstrip(" .!").split())


class Instructions:
    """Chooses how each task of a recipe is said."""

    def __init__(self, recipe: Recipe) -> None:
        self._many = recipe.many_wordings
        self._wordings = [TRAINED[task] if self._many else (INSTRUCTIONS[task],) for task in recipe.tasks]

    def canonical(self, task: int) -> str:
        """The first wording of the task at an index, as the environment gives it."""
        return self._wordings[task][0]

    def varied(self, task: int, random: np.random.Generator) -> str:
        """One of the wordings, varied; a recipe with a single wording says it as it is."""
        if not self._many:
            return self.canonical(task)
        wordings = self._wordings[task]
        other = 1 + int(random.integers(len(wordings) - 1))
        return vary(wordings[0 if random.random() < CANONICAL else other], random)
