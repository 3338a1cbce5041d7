"""The package's Unified-IO 2 as the shipped policies use it: a sentence, one image and one history frame in, text out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from uio2_train.model import Configuration, Encoded, Inputs, Patches, Target, UnifiedIO, generate


class PolicyModel(UnifiedIO):
    """The model of a policy's ``config.json``, without the tokenisers of pictures."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(Configuration.of(config), tokenizers=False)

    def look(self, text: Tensor, patches: Tensor) -> Encoded:
        """Text ids ``[b, n]``, 0 where there is none, and normalised patches ``[b, 2, p, 768]`` of image and history frame."""
        return self.encode(Inputs(text, Patches(patches[:, 0]), Patches(patches[:, 1:2])))

    def answers(self, encoded: Encoded, tokens: Tensor, visible: Tensor, positions: Tensor) -> Tensor:
        """Decoder input ids ``[b, t]``, which of them see which, bool ``[t, t]``, and positions ``[t]`` to logits ``[b, t, V]``."""
        return self.logits(self.decode(encoded, Target("text", tokens, positions, visible)))

    @torch.no_grad()
    def locations(self, encoded: Encoded, count: int, allowed: range) -> tuple[Tensor, Tensor]:
        """Greedy decoding of ``count`` tokens among ``allowed``.

        Returns token ids int64 ``[b, count]`` and the gap between the best two logits ``[b, count]``.
        """
        said = generate(self, encoded, count, allowed=allowed)
        return said.ids, said.margins
