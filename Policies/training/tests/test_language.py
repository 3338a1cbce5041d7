"""Wordings: complete, distinct, varied in writing only, and known to the tokenizer."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np

from language import Instructions, plain, vary
from spec import INSTRUCTIONS, MT5, MT50
from tokenizer import prompt
from uio2_train.tokenizer import Tokenizer
from wordings import NEVER_TRAINED, TRAINED


def test_every_task_is_said_in_four_trained_and_two_other_ways() -> None:
    assert set(TRAINED) == set(NEVER_TRAINED) == set(INSTRUCTIONS)
    assert all(len(texts) == 4 for texts in TRAINED.values())
    assert all(len(texts) == 2 for texts in NEVER_TRAINED.values())
    assert all(texts[0] == INSTRUCTIONS[task] for task, texts in TRAINED.items())


def test_no_sentence_means_two_tasks() -> None:
    sentences = [plain(text) for table in (TRAINED, NEVER_TRAINED) for texts in table.values() for text in texts]
    assert len(sentences) == len(set(sentences)) == 300


def test_sentences_are_sentences() -> None:
    for table in (TRAINED, NEVER_TRAINED):
        for text in (text for texts in table.values() for text in texts):
            assert text[0].isupper() and text.endswith(".") and "  " not in text and len(text) < 80


def test_never_trained_wordings_use_trained_words() -> None:
    words = {word for texts in TRAINED.values() for text in texts for word in plain(text).replace(",", "").split()}
    for texts in NEVER_TRAINED.values():
        for text in texts:
            assert set(plain(text).replace(",", "").replace("'s", "").split()) <= words, text


def test_variation_leaves_the_words() -> None:
    random = np.random.default_rng(0)
    sentence = "Rotate the knob by 180 degrees."
    written = {vary(sentence, random) for _ in range(400)}
    assert {plain(text) for text in written} == {plain(sentence)}
    for expected in (sentence, sentence.rstrip("."), sentence.lower().rstrip("."), sentence.upper().rstrip(".")):
        assert expected in written
    assert any("  " in text for text in written) and any(text.startswith(" ") for text in written)


def test_instructions_choose_among_the_trained_wordings() -> None:
    random, task = np.random.default_rng(0), MT50.tasks.index("faucet-open-v3")
    said = {plain(Instructions(MT50).varied(task, random)) for _ in range(300)}
    assert said == {plain(text) for text in TRAINED["faucet-open-v3"]}
    assert Instructions(MT50).canonical(task) == INSTRUCTIONS["faucet-open-v3"]


def test_the_five_task_policy_is_told_one_sentence() -> None:
    random = np.random.default_rng(0)
    assert {Instructions(MT5).varied(0, random) for _ in range(20)} == {INSTRUCTIONS["reach-v3"]}


def test_the_tokenizer_covers_everything(vocabulary: Path) -> None:
    tokenizer = Tokenizer.load(vocabulary)
    byte_pieces = range(3, 259)
    texts = [text for table in (TRAINED, NEVER_TRAINED) for texts in table.values() for text in texts]
    printable = "".join(character for character in string.printable if character.isprintable())
    for text in [*texts, *(text.upper() for text in texts), printable]:
        ids = tokenizer.encode(text)
        assert tokenizer._processor.decode(ids) == text
        assert not set(ids) & set(byte_pieces) and 2 not in ids, text
    assert tokenizer._processor.decode(tokenizer.encode("naïve 漢")) == "naïve 漢"
    assert np.mean([len(tokenizer.encode(text)) for text in texts]) < 14


def test_the_prompt_ends_with_the_state(vocabulary: Path) -> None:
    tokenizer = Tokenizer.load(vocabulary)
    ids = prompt(tokenizer, "Open the door.", np.array([-0.55, 1.05, 0.0, 1.0]), MT50.proprioception)
    assert tokenizer.bins(np.array(ids[-5:-1])).tolist() == [0, 999, 0, 999] and ids[-1] == 1
