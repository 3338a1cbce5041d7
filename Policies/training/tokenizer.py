"""The policy's own SentencePiece vocabulary, laid out as Unified-IO 2 lays out LLaMA's.

    python tokenizer.py --recipe metaworld-mt50 --output tokenizer.model

The file holds the plain BPE pieces (``<unk>`` 0, ``<s>`` 1, ``</s>`` 2, byte fallback). ``Tokenizer`` adds what the
Unified-IO 2 loader adds: pieces 0..2 reordered to ``<s>``, ``</s>``, ``<unk>``, then 1200 extra ids and 25 markers.
"""

from __future__ import annotations

import argparse
import io
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from spec import BINS, INSTRUCTIONS, RECIPES, Recipe, quantise
from wordings import TRAINED

BOS = PAD = 0
EOS = 1
PREFIX = "[Text] [S] "
EXTRA_IDS = 1200
FIRST_LOCATION = 200
MARKERS = ["[Text] [S]", "[Text] [R]", "[Text] [X]", "[Image] [S]", "[Image] [R]", "[Audio] [S]", "[Audio] [R]"]

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
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_sentences(recipe),
        model_writer=model,
        model_type="bpe",
        vocab_size=recipe.vocabulary,
        character_coverage=1.0,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=1,
        minloglevel=1,
    )
    output.write_bytes(model.getvalue())


class Tokenizer:
    """Text to token ids in the Unified-IO 2 layout."""

    def __init__(self, path: Path) -> None:
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(path.read_bytes())
        unknown, bos, eos = (model.pieces[index] for index in range(3))
        reordered = [(p.piece, p.score, p.type) for p in (bos, eos, unknown)]
        for index, (piece, score, kind) in enumerate(reordered):
            model.pieces[index].piece, model.pieces[index].score, model.pieces[index].type = piece, score, kind
        self.base = len(model.pieces)
        history = [name for i in range(1, 9) for name in (f"<image_history_{i}>", f"<audio_history_{i}>")]
        extra = [f"<extra_id_{EXTRA_IDS - 1 - k}>" for k in range(EXTRA_IDS)]
        for text in [*extra, *history, "<image_input>", "<audio_input>", *MARKERS]:
            piece = model.pieces.add()
            piece.piece = "\u2581" + text.replace(" ", "\u2581")
            piece.score = 0.0
            piece.type = sentencepiece_model_pb2.ModelProto.SentencePiece.USER_DEFINED
        self.size = len(model.pieces)
        self.padded_size = -(-self.size // 64) * 64
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())

    def pieces(self) -> list[str]:
        """What each id stands for, ``[size]``."""
        return [self._processor.id_to_piece(index) for index in range(self.size)]

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, without BOS and EOS."""
        return self._processor.encode(text)

    def locations(self, bins: np.ndarray) -> np.ndarray:
        """Token ids of bins 0..999, any shape."""
        return self.base + (BINS - 1) - bins

    def bins(self, ids: np.ndarray) -> np.ndarray:
        """Bins 0..999 of location token ids, any shape."""
        return self.base + (BINS - 1) - ids

    def prompt(self, instruction: str, proprioception: np.ndarray, limits: np.ndarray) -> list[int]:
        """Encoder ids of ``"{instruction} State: {state}"`` with the task prefix and EOS; proprioception ``[4]`` within
        ``limits`` ``[4, 2]``."""
        bins = quantise(proprioception, limits)
        state = " ".join(f"<extra_id_{FIRST_LOCATION + b}>" for b in bins)
        return [*self.encode(f"{PREFIX}{instruction} State: {state}"), EOS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, default="metaworld-mt5")
    parser.add_argument("--output", type=Path, default=Path("tokenizer.model"))
    arguments = parser.parse_args()
    train(arguments.output, RECIPES[arguments.recipe])


if __name__ == "__main__":
    main()
