"""A run that begins with a shipped policy's weights."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

import tokenizer
from config import policy_config
from engine import initialise
from model import PolicyModel
from spec import MT10, MT50, REPOSITORY
from uio2_train.tokenizer import Tokenizer
from warm_start import EMBEDDING, begin_from

BUNDLE = REPOSITORY / "Policies" / "metaworld-mt5"


@pytest.fixture(scope="module")
def ten_tasks(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("mt10") / "tokenizer.model"
    tokenizer.train(path, MT10)
    return Tokenizer.load(path)


def test_every_weight_is_taken_over_and_pieces_by_what_they_say(ten_tasks: Tokenizer) -> None:
    model = PolicyModel(policy_config(ten_tasks.padded_size, MT10.size))
    initialise(model, ten_tasks)
    known = begin_from(BUNDLE, model, ten_tasks)
    shipped, own = load_file(BUNDLE / "model.safetensors"), model.state_dict()
    assert all(torch.equal(own[name], shipped[name].float()) for name in own if name != EMBEDDING)
    before = Tokenizer.load(BUNDLE / "tokenizer.model")
    for text in ("[Text] [S]", "<extra_id_200> <extra_id_1199>"):
        theirs, ours = (torch.tensor(vocabulary.encode(text)) for vocabulary in (before, ten_tasks))
        assert torch.equal(own[EMBEDDING][ours], shipped[EMBEDDING][theirs].float())
    assert 1_225 < known < ten_tasks.size


def test_a_policy_of_another_size_is_refused_by_tensor(ten_tasks: Tokenizer) -> None:
    model = PolicyModel(policy_config(ten_tasks.padded_size, MT50.size))
    with pytest.raises(ValueError, match="the policy has another size"):
        begin_from(BUNDLE, model, ten_tasks)
