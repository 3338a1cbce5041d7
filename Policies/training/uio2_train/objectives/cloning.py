"""Behaviour cloning with smoothed targets, and the question where things are, on one encoding.

The decoder says two isolated answers in one pass: ``[BOS, a1 … an]`` to say the actions and EOS, and, where positions
are given, ``[BOS, "where", p1 … p(m-1)]`` to say the positions. Neither sees the other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ..model import Encoded, Target, UnifiedIO
from ..specification import BINS
from ..tokenizer import BOS, EOS, Tokenizer

END_WEIGHT = 0.05
"""Of the end token, which the grammar forces anyway."""
QUESTION = "where"


class ActionCloning(nn.Module):
    """The loss of a chunk of actions, and of positions.

    Args:
        tokenizer: of the policy.
        actions: numbers of a chunk.
        dimensions: numbers of one action.
        positions: numbers of the question; 0 asks nothing.
        deviation: of the smoothing, in bins.
        first_step_weight: of the first action beside 1 for the others.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        actions: int,
        dimensions: int,
        positions: int = 0,
        deviation: float = 8.0,
        first_step_weight: float = 2.0,
    ) -> None:
        super().__init__()
        self.actions, self.asked, self.base = actions, positions, tokenizer.base
        self.question = tokenizer.encode(QUESTION)[0]
        lengths = [actions + 1] + ([positions + 1] if positions else [])
        segment = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
        places = torch.cat([torch.arange(length) for length in lengths])
        visible = (segment[:, None] == segment) & (places[:, None] >= places)
        weights = torch.ones(actions)
        weights[:dimensions] = first_step_weight
        buffers = {"places": places, "visible": visible, "weights": weights / weights.mean(),
                   "smoothing": smoothing(deviation)}  # fmt: skip
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor, persistent=False)

    def locations(self, bins: Tensor) -> Tensor:
        """Token ids of bins."""
        return self.base + (BINS - 1) - bins

    def target(self, action_bins: Tensor, where_bins: Tensor) -> Target:
        """What the decoder is fed for bins ``[b, n]`` and ``[b, m]``."""
        start = torch.full((len(action_bins), 1), BOS, device=action_bins.device)
        parts = [start, self.locations(action_bins)]
        if self.asked:
            parts += [start, start + self.question - BOS, self.locations(where_bins)[:, :-1]]
        places, visible = self.get_buffer("places"), self.get_buffer("visible")
        return Target("text", torch.cat(parts, dim=1), places, visible)

    def forward(
        self, model: UnifiedIO, encoded: Encoded, action_bins: Tensor, where_bins: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The losses of actions and of positions, scalars."""
        logits = model.logits(model.decode(encoded, self.target(action_bins, where_bins)))
        log_probability = functional.log_softmax(logits.float(), dim=-1)
        locations = log_probability[..., self.base : self.base + BINS].flip(-1)  # ids fall as bins rise
        smooth, weights = self.get_buffer("smoothing"), self.get_buffer("weights")
        entropy = -(smooth[action_bins] * locations[:, : self.actions]).sum(-1)
        end = -log_probability[:, self.actions, EOS].mean()
        action = (entropy * weights).mean() + END_WEIGHT * end
        if not self.asked:
            return action, action.new_zeros(())
        return action, -(smooth[where_bins] * locations[:, -self.asked :]).sum(-1).mean()


def smoothing(deviation: float) -> Tensor:
    """``smoothing_matrix`` of the location bins."""
    from .losses import smoothing_matrix

    return smoothing_matrix(BINS, deviation)
