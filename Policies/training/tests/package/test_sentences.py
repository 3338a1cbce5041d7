"""Policies that say sentences: their tokens, their data, training, and the exported policy in the Swift runtime."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

torch = pytest.importorskip("torch")

from uio2_train.__main__ import main
from uio2_train.commands.train import prepare_run
from uio2_train.data.samples import Canvas
from uio2_train.data.sentences import SentenceDemonstrations, labels_of
from uio2_train.data.sounds import SAMPLE_RATE
from uio2_train.data.speech import read_wave, write_wave
from uio2_train.engine.trainer import Trainer
from uio2_train.errors import TrainingError
from uio2_train.recipe_file import load_recipe
from uio2_train.sentence import PoseRanges, SentenceTokens
from uio2_train.sentence_policy import SentencePolicy
from uio2_train.tokenizer import Tokenizer, location_text, train_vocabulary

REPOSITORY = Path(__file__).resolve().parents[4]
CASES = json.loads((REPOSITORY / "Envs" / "tests" / "sentences.json").read_text())
RANGES = PoseRanges((0.25, 0.75), (-0.5, 0.5))
COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (40, 60, 220)}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_vocabulary(["Put the", "into the", "Push the"], 400))


def text_of(steps: list[tuple[str, list[int]]]) -> str:
    """A sentence, written by hand."""
    verbs = {"pick_and_place": ("pick", "place"), "push": ("push", "push")}
    words = []
    for number, (primitive, bins) in enumerate(steps, start=1):
        first, second = (location_text(np.array(part)) for part in (bins[:3], bins[3:]))
        words.append(f"{number}: {verbs[primitive][0]} from ( {first} ) and {verbs[primitive][1]} to ( {second} )")
    return " ".join(words)


# Tokens.


def test_what_is_meant_is_said_as_the_daemon_reads_it(tokenizer: Tokenizer) -> None:
    spelling = SentenceTokens(tokenizer, 16)
    for case in CASES["said"]:
        steps = RANGES.steps([[move["primitive"], *move["meant"]] for move in case["moves"]])
        assert text_of(steps) == case["sentence"]
        answer = spelling.answer(steps)
        assert answer.ids[-1] == 1 and tokenizer.decode(answer.ids[:-1]) == case["sentence"]
        assert answer.ids[:-1] == tokenizer.encode(case["sentence"])
        assert [b for b in answer.bins if b >= 0] == [b for _, bins in steps for b in bins]
        for move, (_, bins) in zip(case["moves"], steps, strict=True):
            np.testing.assert_allclose(RANGES.values(bins), move["executed"], atol=1e-12)


def test_the_grammar_leaves_open_what_may_differ_and_nothing_else(tokenizer: Tokenizer) -> None:
    spelling, random = SentenceTokens(tokenizer, 3), np.random.default_rng(1)
    for count in (1, 2, 3):
        for _ in range(8):
            steps = [
                (str(random.choice(["pick_and_place", "push"])), random.integers(0, 1000, 6).tolist())
                for _ in range(count)
            ]
            answer = spelling.answer(steps)
            for place, token in enumerate(answer.ids):
                allowed = spelling.choices(answer.ids[:place])
                assert token in allowed
                is_location = isinstance(allowed, range)
                assert is_location == (answer.bins[place] >= 0)
                assert bool(answer.chosen[place]) == (not is_location and len(allowed) > 1)
            assert spelling.choices(answer.ids) is None
            # Two words are open a step, which primitive and whether there is another; there is none after the last.
            assert sum(answer.chosen) == 2 * count - (count == 3)
    with pytest.raises(ValueError, match="no sentence"):
        spelling.choices([tokenizer.locations(np.array(3)).item()])


# Data.


def jpeg(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def scene(things: list[tuple[str, int, int]], size: tuple[int, int]) -> np.ndarray:
    """Squares of 16 pixels on grey, (colour, x, y)."""
    picture = np.full((*size, 3), 150, np.uint8)
    for colour, x, y in things:
        picture[y - 8 : y + 8, x - 8 : x + 8] = COLOURS[colour]
    return picture


def demonstration(random: np.random.Generator, pictures: list[bytes]) -> dict[str, Any]:
    """A pictured square is to be brought to the middle."""
    colours = [str(colour) for colour in random.permutation(list(COLOURS))[:2]]
    places = [(int(random.integers(*span)), int(random.integers(10, 54))) for span in ((10, 54), (74, 118))]
    things = [(colour, *place) for colour, place in zip(colours, places, strict=True)]
    first = len(pictures)
    pictures += [jpeg(scene(things, (64, 128))), jpeg(scene([(colours[0], 16, 16)], (32, 32)))]
    x, y = 0.25 + things[0][2] / 64 * 0.5, things[0][1] / 128 - 0.5
    return {
        "task": "middle", "prompt": ["Put the", first + 1, "into the middle ."], "image": first,
        "moves": [["pick_and_place", x, y, 0.0, 0.5, 0.0, 0.0]] * (1 + first % 4 // 2),
        "things": [[colour, u, v, 8.0] for colour, u, v in things], "shown": [[[colours[0], 16, 16, 8.0]]],
    }  # fmt: skip


def dataset(folder: Path, files: int = 3, samples: int = 24) -> Path:
    """A small dataset."""
    (folder / "shards").mkdir(parents=True)
    description = {
        "format": "uio2-sentences", "version": 1, "camera": {"name": "top", "width": 128, "height": 64},
        "x": [0.25, 0.75], "y": [-0.5, 0.5], "maximum_steps": 2, "labels": {"colour": list(COLOURS)},
    }  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(description))
    for number in range(files):
        pictures: list[bytes] = []
        random = np.random.default_rng(number)
        documents = [demonstration(random, pictures) for _ in range(samples)]
        np.savez(
            folder / "shards" / f"{number:06d}.npz",
            jpeg=np.frombuffer(b"".join(pictures), np.uint8),
            offsets=np.cumsum([0] + [len(data) for data in pictures]),
            samples=np.frombuffer(json.dumps(documents).encode(), np.uint8),
        )
    return folder


def recipe_file(folder: Path, **changes: Any) -> Path:
    document = {
        "name": "sentences", "data": {"datasets": [str(folder / "data")], "augmentation": {"channels": 0.5}},
        "cameras": [{"name": "top", "source": "top", "input": "image"}], "prompt": "{instruction}",
        "action": {"mode": "pick_and_place"}, "control": {"rate_hz": 0.4, "deadline_ms": 60000},
        "model": {"vocabulary": 400, "width": 64, "heads": 2, "hidden": 96, "layers": [2, 2],
                  "vision": [48, 3, 96, 2], "latents": 4, "history_size": [32, 32]},
        "objectives": {"seeing": {"weight": 0.3, "named": 0.5}},
        "training": {"steps": 30, "batch": 16, "slices": 2, "threads": 1, "warm_up_steps": 3},
    } | changes  # fmt: skip
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def train(file: Path, run: Path, until: int | None = None) -> tuple[Trainer, list[str]]:
    lines: list[str] = []
    trainer = Trainer(prepare_run(load_recipe(file), run), run, lines.append)
    trainer.train(until)
    return trainer, lines


def test_a_dataset_is_read_and_labelled(tmp_path: Path) -> None:
    data = SentenceDemonstrations(dataset(tmp_path / "data"))
    assert (len(data.train), len(data.held_out), data.size) == (48, 24, (64, 128))
    file = recipe_file(tmp_path)
    prepared = prepare_run(load_recipe(file), tmp_path / "run")
    sampler, held_out = prepared.samplers(None, lambda line: None)
    plain = sampler.batch(sampler.samples[:6])
    assert plain.inputs.image.values.shape == (6, 32, 768) and plain.inputs.image_history.values.shape[:3] == (6, 1, 4)
    tokens = [sampler.tokenizer.decode([int(token) for token in row if token > 1]) for row in plain.inputs.text]
    assert all(re.search(r"Put the <image_history_1> into the middle \.$", text) for text in tokens), tokens
    for row, sample in enumerate(plain.samples):
        (colour, x, y, _), other = sample.document["things"]
        under = [(y // 16) * 8 + x // 16, (other[2] // 16) * 8 + other[1] // 16]
        kinds = [list(COLOURS).index(name) + 1 for name in (colour, other[0])]
        assert plain.scene.classes[row, under, 0].tolist() == kinds
        assert plain.named[row, under].tolist() == [1, 0] and (plain.named[row] > 0).sum() >= 1
    # Drawn again with the same random numbers, it is the same; varied, it is not the plain one.
    first, again = (sampler.batch(sampler.samples[:6], np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first.inputs.image.values, again.inputs.image.values)
    assert not torch.equal(first.inputs.image.values, plain.inputs.image.values)
    assert torch.equal(first.ids, plain.ids) and len(held_out) == 24


def test_of_several_things_a_patch_shows_the_nearest(tmp_path: Path) -> None:
    dataset(tmp_path / "data", files=2, samples=2)
    prepared = prepare_run(load_recipe(recipe_file(tmp_path)), tmp_path / "run")
    canvas = Canvas(prepared.model.configuration, "image")
    things = [([1], np.array([24.0, 24.0, 8.0])), ([2], np.array([40.0, 24.0, 30.0]))]
    labels = labels_of(things, (64, 128), canvas, 1)
    grid = labels.classes[:, 0].reshape(4, 8)
    assert grid[1, 1] == 1 and grid[1, 2] == 2 and grid[3, 7] == 0
    assert labels.offsets.reshape(4, 8, 2)[1, 1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"control": {"rate_hz": 0.4}}, "control"),
        ({"cameras": [{"name": "front", "source": "front", "input": "image"}]}, "cameras"),
        ({"model": {"start": "nowhere", "tokenizer": "nowhere"}}, "model.start"),
    ],
)
def test_what_sentences_cannot_have_is_named(tmp_path: Path, changes: dict, subject: str) -> None:
    dataset(tmp_path / "data", files=2, samples=2)
    with pytest.raises(TrainingError) as caught:
        prepare_run(load_recipe(recipe_file(tmp_path, **changes)), tmp_path / "run")
    assert caught.value.code == "invalid_recipe" and caught.value.subject == subject


# Speech.


def voices(folder: Path, words: list[str]) -> Path:
    """A folder of recordings: a tone a sentence."""
    random, clips = np.random.default_rng(5), []
    for number, text in enumerate(words):
        time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
        samples = 9000 * np.sin(2 * np.pi * (300 + 200 * number) * time) + random.normal(0, 200, SAMPLE_RATE)
        write_wave(folder / f"{number}.wav", samples)
        clips.append({"file": f"{number}.wav", "instruction": text, "words": text, "voice": "tone"})
    document = {"format": "uio2-speech", "version": 1, "clips": clips}
    (folder / "speech.json").write_text(json.dumps(document))
    return folder


def test_the_words_may_be_a_sound_with_the_pictures_beside_it(tmp_path: Path) -> None:
    data = SentenceDemonstrations(dataset(tmp_path / "data"))
    (tmp_path / "voices").mkdir()
    audio = {"speech": str(voices(tmp_path / "voices", ["Put the into the middle ."])), "share": 0.5}
    recipe = load_recipe(recipe_file(tmp_path, audio=audio))
    prepared = prepare_run(recipe, tmp_path / "run")
    assert prepared.document["audio"] == {"name": "instruction", "maximum_duration_s": 4.0, "replaces_instruction": True}
    sampler, _ = prepared.samplers(None, lambda line: None)
    batches = [sampler.batch(sampler.samples[:4], np.random.default_rng(seed)) for seed in range(12)]
    spoken = [batch for batch in batches if batch.inputs.audio is not None]
    assert 2 <= len(spoken) <= 10 and sampler.batch(sampler.samples[:4]).inputs.audio is None
    for batch in batches:
        words = [sampler.tokenizer.decode([int(token) for token in row if token > 1]) for row in batch.inputs.text]
        is_spoken = batch.inputs.audio is not None
        assert all("<image_history_1>" in text and ("Put the" in text) != is_spoken for text in words), words
        assert batch.inputs.image_history.values.shape[:2] == (4, 1)
    loss, _ = prepared.step()(spoken[0])
    loss.backward()
    ears = [weight.grad for name, weight in prepared.model.named_parameters() if "audio" in name and weight.grad is not None]
    assert ears and any(float(gradient.abs().max()) > 0 for gradient in ears)
    assert data.size == (64, 128)


def test_a_sentence_that_nobody_says_is_named(tmp_path: Path) -> None:
    dataset(tmp_path / "data", files=2, samples=2)
    (tmp_path / "voices").mkdir()
    audio = {"speech": str(voices(tmp_path / "voices", ["Push the into the middle ."]))}
    prepared = prepare_run(load_recipe(recipe_file(tmp_path, audio=audio)), tmp_path / "run")
    with pytest.raises(TrainingError) as caught:
        prepared.samplers(None, lambda line: None)
    assert (caught.value.code, caught.value.subject) == ("missing_speech", "Put the into the middle .")


# Training.


def test_training_learns_and_goes_on_where_it_was(tmp_path: Path) -> None:
    dataset(tmp_path / "data")
    file = recipe_file(tmp_path)
    whole, lines = train(file, tmp_path / "whole")
    train(file, tmp_path / "parts", until=11)
    parts, _ = train(file, tmp_path / "parts")
    for name, weight in whole.trained.items():
        assert torch.equal(weight, parts.trained[name]), name
    for name, weight in whole.heads.items():
        assert torch.equal(weight, parts.heads[name]), name
    assert not any(name.startswith("model.") for name in whole.heads) and len(whole.heads) == 6
    losses = [float(re.search(r"loss ([0-9.]+)", line)[1]) for line in lines if line.startswith("step")]
    assert losses[-1] < 0.8 * losses[0], losses
    assert any("near middle" in line for line in lines if line.startswith("checkpoint"))


def test_frames_that_show_nothing_change_nothing(tmp_path: Path) -> None:
    dataset(tmp_path / "data", files=2, samples=4)
    prepared = prepare_run(load_recipe(recipe_file(tmp_path)), tmp_path / "run")
    sampler, _ = prepared.samplers(None, lambda line: None)
    inputs = sampler.batch(sampler.samples[:3]).inputs
    with torch.no_grad():
        alone = prepared.model.encode(inputs)
        history = inputs.image_history
        from uio2_train.model import Inputs, Patches

        mask = torch.ones(history.values.shape[:3], dtype=torch.bool)
        wider = Patches(
            torch.cat([history.values, torch.randn_like(history.values)], dim=1),
            torch.cat([mask, torch.zeros_like(mask)], dim=1),
        )
        beside = prepared.model.encode(Inputs(inputs.text, inputs.image, wider))
    count = alone.states.shape[1]
    assert not beside.mask[:, count:].any()
    torch.testing.assert_close(beside.states[:, :count], alone.states, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("asks", ["written", "spoken"])
def test_the_runtime_says_what_pytorch_says(tmp_path: Path, asks: str) -> None:
    """Exported, served, and asked in words and pictures, or aloud with pictures."""
    uio2 = Path(os.environ.get("UIO2", REPOSITORY / ".build" / "release" / "uio2"))
    if not uio2.is_file():
        pytest.skip("uio2 is not built")
    pytest.importorskip("zmq")
    sys.path.insert(0, str(REPOSITORY / "Envs" / "client"))
    from test_runtime import served
    from uio2_client import audio_clip, camera_frame, observation

    dataset(tmp_path / "data")
    changes: dict[str, Any] = {}
    sound, clip = None, None
    if asks == "spoken":
        (tmp_path / "voices").mkdir()
        changes["audio"] = {"speech": str(voices(tmp_path / "voices", ["Put the into the middle ."])), "share": 0.5}
        sound = read_wave(tmp_path / "voices" / "0.wav")
        clip = audio_clip((tmp_path / "voices" / "0.wav").read_bytes())
    file = recipe_file(tmp_path, **changes)
    train(file, tmp_path / "run")
    assert main(["export", str(file), "--folder", str(tmp_path / "run"), "--precision", "f32"]) == 0
    policy = SentencePolicy(tmp_path / "run" / "policy")
    data, same = SentenceDemonstrations(tmp_path / "data"), 0
    with served(tmp_path / "run" / "policy", tmp_path) as client:
        for number, sample in enumerate(data.held_out):
            parts = [
                part if isinstance(part, str) else data.picture(sample, part)
                for part in sample.document["prompt"]
                if sound is None or not isinstance(part, str)
            ]
            frame = data.picture(sample, sample.document["image"])
            client.reset()
            sent = [part if isinstance(part, str) else camera_frame("", part) for part in parts]
            chunk = client.act(observation(1 + number, {"top": frame}, [], "", prompt=sent, audio=clip))
            expected = policy.say(parts, frame, sound)
            assert [action.primitive for action in chunk.actions] == ["pick_and_place"] * len(chunk.actions)
            same += chunk.text == expected
    assert same >= 23, f"{same} of 24 sentences"
