"""An exported bundle as a policy: frames, state and instruction in, action tokens out; what a runtime must match."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from data import Prompts, normalise, patchify
from model import UnifiedIO
from shards import decode_jpeg
from spec import ACTION_DIMENSIONS, ACTION_RANGE, BINS, CHUNK_LENGTH, dequantise
from tokenizer import Tokenizer


class Policy:
    """Greedy decoding of the exported (bf16-rounded) weights in float32, among location tokens only."""

    def __init__(self, bundle: Path) -> None:
        self.tokenizer = Tokenizer(bundle / "tokenizer.model")
        self.model = UnifiedIO(json.loads((bundle / "config.json").read_text()))
        weights = {name: tensor.float() for name, tensor in load_file(bundle / "model.safetensors").items()}
        self.model.load_state_dict(weights)
        self.model.eval()
        self._prompts = Prompts(self.tokenizer)

    @torch.no_grad()
    def tokens(
        self, jpegs: list[list[bytes]], proprioception: np.ndarray, tasks: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """JPEG frames ``[b][camera]``, proprioception ``[b, 4]`` and task indices ``[b]`` to token ids and margins.

        Both results are ``[b, 16]``; a margin is the gap between the best two location logits.
        """
        frames = np.stack([[decode_jpeg(data) for data in pair] for pair in jpegs])
        patches = normalise(patchify(frames))
        text, mask = self._prompts(tasks, proprioception)
        encoded = self.model.encode(text, mask, patches[:, 0], patches[:, 1])
        first = self.tokenizer.base
        ids, margins = self.model.generate_locations(encoded, CHUNK_LENGTH * ACTION_DIMENSIONS, first, first + BINS)
        return ids.numpy(), margins.numpy()

    def actions(self, tokens: np.ndarray) -> np.ndarray:
        """Token ids ``[b, 16]`` to native actions ``[b, chunk, 4]``."""
        bins = self.tokenizer.bins(tokens).reshape(-1, CHUNK_LENGTH, ACTION_DIMENSIONS)
        return dequantise(bins, ACTION_RANGE)
