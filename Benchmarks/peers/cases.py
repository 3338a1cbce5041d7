"""What is measured: sizes of the model and cases, the same for every contestant."""

from __future__ import annotations

from dataclasses import dataclass

PATCH = 16
GRID = 24
"""A picture is fitted into 384 × 384 pixels: 24 × 24 patches, some of which may be padding."""
PATCHES = GRID * GRID


@dataclass(frozen=True)
class Size:
    """The numbers of a Unified-IO 2 (text and one picture in, text out)."""

    name: str
    width: int
    heads: int
    hidden: int
    layers: int
    """Of the encoder, and as many of the decoder."""
    vocabulary: int
    vit_width: int
    vit_heads: int
    vit_hidden: int
    vit_layers: int


LARGE = Size("large", 1024, 16, 2816, 24, 33280, 768, 12, 3072, 11)
TINY = Size("tiny", 64, 4, 128, 2, 512, 48, 3, 96, 3)
"""Exercises all the code in seconds; its figures mean nothing."""
SIZES = {size.name: size for size in (LARGE, TINY)}


@dataclass(frozen=True)
class Case:
    """An input and how many tokens are generated from it."""

    key: str
    title: str
    image: tuple[int, int] | None
    """Width and height of the picture in pixels, or none."""
    text_tokens: int
    new_tokens: int

    @property
    def encoder_tokens(self) -> int:
        """Tokens of the encoder when padding is computed like everything else."""
        return self.text_tokens + (PATCHES if self.image else 0)


CASES = (
    Case("pick-and-place", "256×128 picture + 64 text → 24 tokens", (256, 128), 64, 24),
    Case("square", "384×384 picture + 64 text → 24 tokens", (384, 384), 64, 24),
    Case("text-640", "640 text → 24 tokens", None, 640, 24),
)

GRAMMAR = Case("pick-and-place-grammar", "the same, 18 of the 24 tokens forced by uio2's grammar", (256, 128), 64, 24)
"""The first case as a robot needs it. The peers have no grammar: their figures are those of the first case."""


def patch_mask(image: tuple[int, int]) -> list[bool]:
    """Which of the 576 patches (row-major) show the picture ``(width, height)``; the others are padding.

    The picture is scaled to fit and centred; a patch counts by its centre pixel, as in the release.
    """
    side = GRID * PATCH
    width, height = image
    scale = min(side / width, side / height)
    shown_width, shown_height = int(width * scale), int(height * scale)
    left, top = (side - shown_width) // 2, (side - shown_height) // 2
    centres = [PATCH * index + PATCH // 2 for index in range(GRID)]
    rows = [top <= centre < top + shown_height for centre in centres]
    columns = [left <= centre < left + shown_width for centre in centres]
    return [row and column for row in rows for column in columns]
