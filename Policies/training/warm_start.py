"""Begins a new run with the weights of a shipped policy of the same size.

The two may have different vocabularies: a row of the text embedding is taken over where both have the piece (the
location tokens and markers always), and keeps its random start where only the new one has it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from model import PolicyModel
from uio2_train.tokenizer import Tokenizer

EMBEDDING = "text_token_embedder.weight"


def begin_from(bundle: Path, model: PolicyModel, tokenizer: Tokenizer) -> int:
    """Copies the weights of the policy at ``bundle`` into ``model``; returns how many pieces of text were known to it.

    Raises ``ValueError`` with the tensor's name where the policy has another size.
    """
    weights = {name: tensor.float() for name, tensor in load_file(bundle / "model.safetensors").items()}
    own = model.state_dict()
    for name, tensor in own.items():
        if name != EMBEDDING and (name not in weights or weights[name].shape != tensor.shape):
            raise ValueError(f"{bundle}: {name} is {tuple(weights[name].shape) if name in weights else 'absent'}, "
                             f"expected {tuple(tensor.shape)}: the policy has another size")  # fmt: skip
    known = {piece: index for index, piece in enumerate(Tokenizer.load(bundle / "tokenizer.model").pieces())}
    pairs = [(index, known[piece]) for index, piece in enumerate(tokenizer.pieces()) if piece in known]
    rows, sources = (torch.tensor(column) for column in zip(*pairs, strict=True))
    embedding = own[EMBEDDING].clone()
    embedding[rows] = weights[EMBEDDING][sources]
    model.load_state_dict({**{name: weights[name] for name in own if name != EMBEDDING}, EMBEDDING: embedding})
    return len(pairs)
