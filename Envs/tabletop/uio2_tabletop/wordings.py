"""What is said aloud: the words of prompts, without their pictures, which stay pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import tasks


def words_of(prompt: Sequence[Any]) -> str:
    """The words of a prompt with a space between them, as ``uio2_train`` knows them too: ``Put the into the .``"""
    return " ".join(part for part in prompt if isinstance(part, str))


def aloud(prompt: Sequence[Any]) -> str:
    """What a voice says: a pause where a picture stands."""
    said = ", ".join(part for part in prompt if isinstance(part, str))
    return re.sub(r"[ ,]+([.:,])", r"\1", said)


def name_of(words: str) -> str:
    """A sentence as the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def wordings(level: str, seeds: int) -> dict[str, dict[str, Any]]:
    """The sentences of a level by name, in the form that ``uio2_train speak`` reads.

    Args:
        level: a name of ``tasks.LEVELS``.
        seeds: episodes of each family that are looked at.
    """
    found: dict[str, dict[str, Any]] = {}
    for family in tasks.FAMILIES.values():
        for seed in range(seeds):
            prompt = tasks.episode(family, level, seed).prompt
            words = words_of(prompt)
            found.setdefault(name_of(words), {"instruction": words, "wordings": [aloud(prompt)]})
    return dict(sorted(found.items()))
