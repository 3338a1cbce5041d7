"""The vocabularies of the shipped policies: what they are trained on, and how a policy is asked.

    python tokenizer.py --recipe metaworld-mt50 --output tokenizer.model
"""

from __future__ import annotations

import argparse
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spec import INSTRUCTIONS, RECIPES, Recipe, quantise
from uio2_train.tokenizer import Tokenizer, location_text, train_pieces
from wordings import TRAINED

ROBOT_SENTENCES = [
    "1: pick from ( A B R ) and place to ( C D S )",
    "2: push from ( A B R ) and push to ( C D S )",
    "Instruction: move the gripper. State: open. Action:",
    "State: the gripper is open. State: the gripper is closed.",
    "Where is the object? Where is the goal?",
    "Put the red block into the green container, then the blue block onto the yellow one.",
    "First rearrange the objects to this setup, then restore them to the first one.",
    "Sweep all the blocks into the three-sided rectangle without exceeding the line.",
    "The robot moves the arm to the left, to the right, forward, backward, up and down.",
    "What should the robot do to follow the instruction? Describe the image in one sentence.",
    "Which action moves the end effector closer to the target position?",
    "Rotate the object by 0 1 2 3 4 5 6 7 8 9 degrees.",
]


def _sentences(recipe: Recipe) -> Iterator[str]:
    """What the vocabulary is trained on: the instructions, a few sentences of other robot prompts, and with many
    wordings every printable character and other cases too."""
    if not recipe.many_wordings:
        yield from INSTRUCTIONS.values()
        yield from (f"{text} State: " for text in INSTRUCTIONS.values())
        yield from ROBOT_SENTENCES
        return
    wordings = [text for task in recipe.tasks for text in TRAINED[task]]
    for text in [*wordings, *ROBOT_SENTENCES]:
        yield from (text, f"{text} State: ", text.lower().rstrip("."), text.title())
    yield from (text.upper() for text in wordings[::4])
    yield from (f"{character} {character}{character}" for character in string.printable if character.isprintable())


def train(output: Path, recipe: Recipe) -> None:
    """Trains the vocabulary of ``recipe`` and writes the model file."""
    output.write_bytes(train_pieces(_sentences(recipe), recipe.vocabulary))


def prompt(tokenizer: Tokenizer, instruction: str, proprioception: np.ndarray, limits: np.ndarray) -> list[int]:
    """Encoder ids of ``"{instruction} State: {state}"`` with the task prefix and EOS; proprioception ``[4]`` within
    ``limits`` ``[4, 2]``."""
    return tokenizer.prompt(f"{instruction} State: {location_text(quantise(proprioception, limits))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, default="metaworld-mt5")
    parser.add_argument("--output", type=Path, default=Path("tokenizer.model"))
    arguments = parser.parse_args()
    train(arguments.output, RECIPES[arguments.recipe])


if __name__ == "__main__":
    main()
