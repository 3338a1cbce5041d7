"""The shipped five-task policy still comes from its recipe and still says what it said."""

from __future__ import annotations

import json

import numpy as np
import torch
from safetensors.torch import load_file

from config import policy_config
from export import policy_description
from policy import Policy
from spec import INSTRUCTIONS, MT5, REPOSITORY

BUNDLE = REPOSITORY / "Policies" / "metaworld-mt5"


def test_its_description_follows_from_the_recipe() -> None:
    assert json.loads((BUNDLE / "policy.json").read_text()) == policy_description(MT5)


def test_its_configuration_follows_from_the_recipe() -> None:
    shipped = json.loads((BUNDLE / "config.json").read_text())
    assert shipped == policy_config(shipped["t5_config"]["vocab_size"], MT5.size)


def test_it_says_the_same_tokens() -> None:
    torch.set_num_threads(1)
    recorded = load_file(BUNDLE / "agreement" / "observations.safetensors")
    rows = np.linspace(0, len(recorded["task"]) - 1, 20).astype(int)
    data, offsets = recorded["jpeg"].numpy().tobytes(), recorded["jpeg_offsets"].tolist()
    jpegs = [[data[offsets[2 * row + k] : offsets[2 * row + k + 1]] for k in range(2)] for row in rows]
    sentences = [INSTRUCTIONS[MT5.tasks[recorded["task"][row]]] for row in rows]
    tokens, _ = Policy(BUNDLE).tokens(jpegs, recorded["proprioception"].numpy()[rows], sentences)
    assert (tokens == recorded["tokens"].numpy()[rows]).mean() > 0.99
