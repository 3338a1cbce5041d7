"""SentencePiece vocabularies laid out as Unified-IO 2 lays out LLaMA's.

The file holds the plain BPE pieces (``<unk>`` 0, ``<s>`` 1, ``</s>`` 2, byte fallback). ``Tokenizer`` adds what the
Unified-IO 2 loader adds: pieces 0..2 reordered to ``<s>``, ``</s>``, ``<unk>``, then 1200 extra ids and 25 markers.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from .errors import TrainingError
from .specification import BINS

BOS = PAD = 0
EOS = 1
EXTRA_IDS = 1200
FIRST_LOCATION = 200
"""``<extra_id_0>`` … ``<extra_id_199>`` are the sentinels of denoising, the others the 1000 locations."""
PREFIXES = ["[Text] [S]", "[Text] [R]", "[Text] [X]", "[Image] [S]", "[Image] [R]", "[Audio] [S]", "[Audio] [R]"]

ROBOT_SENTENCES = [
    "1: pick from ( A B R ) and place to ( C D S )",
    "2: push from ( A B R ) and push to ( C D S )",
    "Instruction: move the gripper. State: open. Action:",
    "State: the gripper is open. State: the gripper is closed.",
    "Where is the object? Where is the goal?",
    "Put the red block into the green container, then the blue block onto the yellow one.",
    "The robot moves the arm to the left, to the right, forward, backward, up and down.",
    "What should the robot do to follow the instruction? Describe the image in one sentence.",
    "An image of what will be seen next. The robot's camera shows the table.",
    "Rotate the object by 0 1 2 3 4 5 6 7 8 9 degrees.",
]


def train_vocabulary(sentences: Iterable[str], pieces: int = 640) -> bytes:
    """A SentencePiece model for a policy's instructions; other words are spelt in bytes."""
    return train_pieces(dict.fromkeys([*sentences, *(f"{text} State: " for text in sentences), *ROBOT_SENTENCES]), pieces)


def train_pieces(texts: Iterable[str], pieces: int) -> bytes:
    """A SentencePiece model of nothing but the texts."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type="bpe", vocab_size=pieces, hard_vocab_limit=False,
        character_coverage=1.0, byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=True,
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, split_digits=True, unk_id=0, bos_id=1,
        eos_id=2, pad_id=-1, num_threads=1, minloglevel=2,
    )  # fmt: skip
    return model.getvalue()


class Tokenizer:
    """Text to token ids and back."""

    def __init__(self, model: bytes) -> None:
        proto = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
        try:
            proto.ParseFromString(model)
            unknown, bos, eos = (proto.pieces[index] for index in range(3))
        except Exception as error:  # protobuf's own class differs between its implementations
            message = "is no SentencePiece model; give LLaMA's tokenizer.model or a policy's"
            raise TrainingError("invalid_tokenizer", "tokenizer", message) from error
        reordered = [(piece.piece, piece.score, piece.type) for piece in (bos, eos, unknown)]
        for index, (text, score, kind) in enumerate(reordered):
            proto.pieces[index].piece, proto.pieces[index].score, proto.pieces[index].type = text, score, kind
        self.base = len(proto.pieces)
        history = [name for i in range(1, 9) for name in (f"<image_history_{i}>", f"<audio_history_{i}>")]
        extra = [f"<extra_id_{EXTRA_IDS - 1 - k}>" for k in range(EXTRA_IDS)]
        for text in [*extra, *history, "<image_input>", "<audio_input>", *PREFIXES]:
            added = proto.pieces.add()
            added.piece = "\u2581" + text.replace(" ", "\u2581")
            added.score = 0.0
            added.type = sentencepiece_model_pb2.ModelProto.SentencePiece.USER_DEFINED  # type: ignore[attr-defined]
        self.size = len(proto.pieces)
        self.padded_size = -(-self.size // 64) * 64
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """From a file; raises ``TrainingError``."""
        try:
            return cls(path.read_bytes())
        except OSError as error:
            raise TrainingError("unreadable_file", str(path), f"cannot be read: {error}") from error

    def pieces(self) -> list[str]:
        """What each id stands for, ``[size]``."""
        return [self._processor.id_to_piece(index) for index in range(self.size)]

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, without BOS and EOS."""
        ids: list[int] = self._processor.encode(text)
        return ids

    def decode(self, ids: list[int]) -> str:
        """The text of ids."""
        text: str = self._processor.decode([int(id) for id in ids])
        return text

    def prompt(self, text: str, kind: str = "[Text] [S]", limit: int = 512) -> list[int]:
        """Encoder ids: what is asked for (one of ``PREFIXES``), the text, EOS; cut to ``limit``."""
        return [*self.encode(f"{kind} {text}")[: limit - 1], EOS]

    def sentinel(self, index: int) -> int:
        """The id of ``<extra_id_index>``."""
        return self.base + EXTRA_IDS - 1 - index

    def locations(self, bins: np.ndarray) -> np.ndarray:
        """Token ids of bins 0..999, any shape."""
        return self.base + (BINS - 1) - bins

    def bins(self, ids: np.ndarray) -> np.ndarray:
        """Bins 0..999 of location token ids, any shape."""
        return self.base + (BINS - 1) - ids

    @property
    def location_ids(self) -> range:
        """Ids of all locations."""
        return range(self.base, self.base + BINS)


def location_text(bins: np.ndarray) -> str:
    """Bins ``[d]`` as they stand in a prompt."""
    return " ".join(f"<extra_id_{FIRST_LOCATION + int(b)}>" for b in bins)
