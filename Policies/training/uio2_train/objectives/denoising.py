"""The multimodal mixture of denoisers (Unified-IO 2, section 3.2; UL2 for text).

- text: [R] restores short spans (3 tokens, 15 %), [X] long or many ones, [S] goes on from a beginning;
- pictures and sounds: [R] restores what hidden patches show, the rest being seen; [S] makes the whole from words.

Every example begins with its prefix, such as ``[Image] [R]``. Sentinels are ``<extra_id_0>`` to ``<extra_id_199>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..tokenizer import EOS, FIRST_LOCATION, Tokenizer


@dataclass(frozen=True)
class Denoiser:
    """A way to corrupt text."""

    prefix: str
    density: float
    """Of tokens that are hidden."""
    span: float
    """Mean length of a hidden span; infinite hides the end."""


TEXT_DENOISERS = (
    Denoiser("[Text] [R]", 0.15, 3.0),
    Denoiser("[Text] [X]", 0.5, 3.0),
    Denoiser("[Text] [X]", 0.15, 32.0),
    Denoiser("[Text] [X]", 0.5, 32.0),
    Denoiser("[Text] [S]", 0.25, float("inf")),
)


@dataclass(frozen=True)
class TextExample:
    """Encoder ids (prefix and EOS included) and the answer's (EOS included)."""

    inputs: list[int]
    targets: list[int]


def noise_spans(length: int, density: float, span: float, random: np.random.Generator) -> list[tuple[int, int]]:
    """Spans ``[start, end)`` to hide, as T5 draws them: random lengths, apart from one another, none at the start.

    Their total is ``round(length * density)``, at least 1 and at most ``length - 1``.
    """
    hidden = min(max(round(length * density), 1), length - 1)
    if span == float("inf"):
        return [(length - hidden, length)]
    count = min(max(round(hidden / span), 1), hidden, length - hidden, FIRST_LOCATION)

    def parts(total: int) -> np.ndarray:
        cuts = np.sort(random.choice(total - 1, count - 1, replace=False)) + 1
        return np.diff(np.concatenate([[0], cuts, [total]]))

    ends = np.cumsum(np.stack([parts(length - hidden), parts(hidden)], axis=1).reshape(-1))
    return [(int(ends[2 * i]), int(ends[2 * i + 1])) for i in range(count)]


def corrupt_text(
    tokens: Sequence[int], denoiser: Denoiser, tokenizer: Tokenizer, random: np.random.Generator, limit: int = 512
) -> TextExample:
    """A text's ids (at least 2) with spans hidden behind sentinels, and the spans as the answer.

    [S] has no sentinel: the answer is what follows.
    """
    prefix = tokenizer.encode(denoiser.prefix)
    tokens = list(tokens[: limit - len(prefix) - 1])
    spans = noise_spans(len(tokens), denoiser.density, denoiser.span, random)
    if denoiser.span == float("inf"):
        start = spans[0][0]
        return TextExample([*prefix, *tokens[:start], EOS], [*tokens[start:], EOS])
    inputs, targets, place = list(prefix), [], 0
    for index, (start, end) in enumerate(spans):
        sentinel = tokenizer.sentinel(index)
        inputs += [*tokens[place:start], sentinel]
        targets += [sentinel, *tokens[start:end]]
        place = end
    return TextExample([*inputs, *tokens[place:], EOS], [*targets, EOS])


def restore_text(example: TextExample, denoiser: Denoiser, tokenizer: Tokenizer) -> list[int]:
    """The text that an example was made of."""
    prefix = len(tokenizer.encode(denoiser.prefix))
    inputs, targets = example.inputs[prefix:-1], example.targets[:-1]
    if denoiser.span == float("inf"):
        return [*inputs, *targets]
    first, last = tokenizer.sentinel(FIRST_LOCATION - 1), tokenizer.sentinel(0)
    spans: dict[int, list[int]] = {}
    current: list[int] = []
    for token in targets:
        if first <= token <= last and token not in spans:
            current = spans.setdefault(token, [])
        else:
            current.append(token)
    return [x for token in inputs for x in (spans.get(token, [token]) if token >= first else [token])]


def hide_patches(batch: int, grid: tuple[int, int], share: float, random: np.random.Generator) -> np.ndarray:
    """Which patches an encoder must not see, bool ``[batch, patches]``: the same number in each, at least 1."""
    count = grid[0] * grid[1]
    hidden = min(max(round(count * share), 1), count - 1)
    order = random.random((batch, count)).argsort(axis=1)
    return order < hidden


def code_mask(hidden: np.ndarray, grid: tuple[int, int], codes: tuple[int, int]) -> Tensor:
    """Which codes lie under hidden patches, bool ``[b, codes]``; a code takes its patch by its middle.

    This is the reference's ``task_mask`` and, for [R], its ``loss_mask``.
    """
    rows = ((np.arange(codes[0]) + 0.5) * grid[0] / codes[0]).astype(int)
    columns = ((np.arange(codes[1]) + 0.5) * grid[1] / codes[1]).astype(int)
    return torch.from_numpy(hidden.reshape(-1, *grid)[:, rows][:, :, columns].reshape(len(hidden), -1))


def dynamic_visibility(task_mask: Tensor) -> Tensor:
    """The paper's dynamic masking: bool ``[b, t, t]``, what decoder positions see.

    A position whose input token must be restored is seen by none but itself, so that restoring cannot copy. The
    released code builds this mask and never applies it.
    """
    length = task_mask.shape[1]
    noise = ~task_mask
    noise = torch.cat([torch.ones_like(noise[:, :1]), noise[:, :-1]], dim=1)  # inputs lie one place to the right
    seen = noise[:, :, None] & noise[:, None]
    seen = seen | torch.eye(length, dtype=torch.bool, device=seen.device)
    return seen & torch.ones(length, length, dtype=torch.bool, device=seen.device).tril()
