"""Spoken instructions: recordings, batches with sounds, and what is learnt from them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.commands.export import BundlePolicy, export  # noqa: E402
from uio2_train.commands.speak import held_out_voices  # noqa: E402
from uio2_train.commands.train import prepare_run  # noqa: E402
from uio2_train.data.demonstrations import Dimension  # noqa: E402
from uio2_train.data.folder import FolderWriter  # noqa: E402
from uio2_train.data.pictures import encode_jpeg  # noqa: E402
from uio2_train.data.samples import prompt_text  # noqa: E402
from uio2_train.data.speech import (  # noqa: E402
    SpeechLibrary,
    noisy,
    resampled,
    sound_patches,
    varied,
    write_wave,
)
from uio2_train.engine.trainer import Trainer  # noqa: E402
from uio2_train.errors import TrainingError  # noqa: E402
from uio2_train.model import load_model  # noqa: E402
from uio2_train.recipe_file import load_recipe  # noqa: E402

SAID = ["Push the block.", "Open the drawer."]
SMALL = {"width": 32, "heads": 2, "hidden": 64, "layers": [1, 1], "vision": [24, 2, 48, 2], "latents": 2,
         "pictures": {"size": 32, "codes": 16, "width": 4, "multipliers": [1, 1, 1, 1], "steps": 3, "batch": 4}}


def tone(pitch: float, seconds: float = 1.0) -> np.ndarray:
    """A sound with overtones, int16."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (6000 * np.sign(np.sin(2 * np.pi * pitch * time)) * np.sin(np.pi * time / seconds)).astype(np.int16)


def make_voices(folder: Path) -> Path:
    """Two recordings of each instruction: a low one and a high one."""
    clips = []
    for number, said in enumerate(SAID):
        for take in range(2):
            file = f"train/{number}/{take}.wav"
            write_wave(folder / file, tone(150 + 500 * number + 20 * take))
            clips.append({"file": file, "instruction": said, "words": said, "voice": f"v{take}"})
    (folder / "speech.json").write_text(json.dumps({"format": "uio2-speech", "version": 1, "clips": clips}))
    return folder


def make_data(folder: Path) -> Path:
    """A block that slides to the left or to the right, as the instruction says."""
    state, action = [Dimension("x", "m")], [Dimension("dx", "m")]
    extras = {"where": ["goal_x"], "point": ["goal_row", "goal_column"]}
    writer = FolderWriter(folder, 10, {"front": (32, 32)}, state, action, extras)
    for episode in range(6):
        sign = 1 if episode % 2 else -1
        x = 0.5 + sign * 0.03 * np.arange(10)
        frames = [np.full((32, 32, 3), 200, np.uint8) for _ in x]
        for frame, place in zip(frames, x, strict=True):
            frame[12:20, int(28 * place) : int(28 * place) + 4] = [200, 30, 30]
        points = np.tile([0.5, 0.5 + 0.4 * sign], (10, 1))
        writer.add(SAID[episode % 2], x[:, None], np.full((10, 1), 0.03 * sign), {"front": frames},
                   {"where": points[:, 1:], "point": points})  # fmt: skip
    return folder


def recipe_file(folder: Path, **changes) -> Path:
    """A recipe with every objective, on words and sounds."""
    document = {
        "name": "spoken", "data": {"datasets": [str(make_data(folder / "data"))], "held_out": 0.2},
        "cameras": [{"name": "front", "source": "front"}], "state": {"ranges": {"x": [0, 1]}},
        "action": {"mode": "delta", "chunk_length": 2, "ranges": {"dx": [-0.05, 0.05]},
                   "roles": {"dx": "translation_x"}},
        "control": {"rate_hz": 10}, "policy": {"limits": "none"}, "model": SMALL,
        "audio": {"speech": str(make_voices(folder / "voices")), "maximum_duration_s": 2, "vision": [24, 2, 48, 2]},
        "objectives": {"where": {"key": "where", "ranges": {"goal_x": [0, 1]}}, "next_frame": {}, "transcription": {},
                       "point": {"key": "point"}},
        "training": {"steps": 4, "batch": 8, "slices": 2, "threads": 1, "warm_up_steps": 2},
    } | changes  # fmt: skip
    file = folder / "spoken.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_sounds_keep_their_pitch_at_another_rate() -> None:
    there = resampled(tone(440).astype(np.float32), 16_000, 22_050)
    back = resampled(there, 22_050)
    assert len(there) == 22_050 and np.abs(back - tone(440)).mean() < 60
    spectrum = np.abs(np.fft.rfft(there))
    assert spectrum.argmax() * 22_050 / len(there) == pytest.approx(440, abs=2)


def test_variation_changes_a_sound_and_keeps_it_one() -> None:
    draws = [varied(tone(300), np.random.default_rng(seed)) for seed in range(20)]
    assert all(draw.dtype == np.int16 and 0.9 * 16_000 < len(draw) < 1.75 * 16_000 for draw in draws)
    assert all(500 < np.abs(draw.astype(int)).max() <= 32767 for draw in draws)
    assert len({draw.tobytes() for draw in draws}) == 20
    assert (varied(tone(300), np.random.default_rng(3)) == draws[3]).all()
    loud = noisy(tone(300).astype(np.float32), 20, 1, np.random.default_rng(0)) - tone(300)
    assert np.sqrt((loud**2).mean()) == pytest.approx(0.1 * np.sqrt((tone(300).astype(float) ** 2).mean()), rel=0.02)


def test_patches_reach_as_far_as_the_longest_sound() -> None:
    patches = sound_patches([tone(300, 0.5), tone(300, 1.0)], 4.0)
    assert patches.values.shape[0] == 2 and patches.values.shape[1] % 8 == 0 and patches.mask is not None
    assert 8 < int(patches.mask[0].sum()) < int(patches.mask[1].sum()) <= patches.values.shape[1] <= 8 * 5
    cut = sound_patches([tone(300, 3.0)], 1.0)
    assert cut.values.shape[1] == patches.values.shape[1]


def test_a_library_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    library = SpeechLibrary(make_voices(tmp_path / "a"))
    random = np.random.default_rng(0)
    assert {library.draw(SAID[0], random).voice for _ in range(20)} == {"v0", "v1"}
    with pytest.raises(TrainingError, match="Close it.: nobody says it"):
        library.require([SAID[0], "Close it."])
    (tmp_path / "a" / "train" / "0" / "1.wav").write_bytes(b"no sound")
    with pytest.raises(TrainingError, match="1.wav"):
        SpeechLibrary(tmp_path / "a")
    with pytest.raises(TrainingError, match="speech.json"):
        SpeechLibrary(tmp_path / "missing")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{instruction} State: {state}", "State: "),
        ("Do {instruction} now: {state}", "Do now: "),
        ("Do:{instruction} {state}", "Do: "),
    ],
)
def test_no_space_is_left_where_a_sound_says_the_instruction(template: str, expected: str) -> None:
    assert prompt_text(template, "", np.zeros(0, int)) == expected


def test_batches_are_words_or_sounds(tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file(tmp_path))
    prepared = prepare_run(recipe, tmp_path / "run")
    sampler, _ = prepared.samplers(None, lambda _: None)
    seen = set()
    for seed in range(12):
        random = np.random.default_rng(seed)
        batch = sampler.batch(sampler.draw(random, 4), random)
        texts = [prepared.tokenizer.decode(row[row != 0].tolist()) for row in batch.inputs.text]
        spoken = batch.inputs.audio is not None
        seen.add(spoken)
        assert all(("block" in text or "drawer" in text) != spoken for text in texts), texts
    assert seen == {True, False}
    assert sampler.batch(sampler.steps[:4]).inputs.audio is None, "validation is in words"


def test_everything_is_learnt_from_and_goes_on_exactly(tmp_path: Path) -> None:
    file = recipe_file(tmp_path)
    assert main(["pictures", str(file), "--folder", str(tmp_path / "a"), "--threads", "1"]) == 0
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    states = []
    for run, stops in (("a", (None,)), ("b", (2, None))):
        for until in stops:
            lines: list[str] = []
            trainer = Trainer(prepare_run(load_recipe(file), tmp_path / run), tmp_path / run, lines.append, "cpu")
            trainer.train(until)
        states.append({name: value.detach().clone() for name, value in trainer.trained.items()})
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    batch = trainer._draw(0, 0)
    _, parts = trainer._gradients._module(batch)
    assert {"action", "where", "next_frame", "point", "transcription"} <= set(parts)
    moved = {name for name in states[0] if "audio" in name or "image_token" in name}
    assert any("vision_transformer" in name for name in moved) and any("image_token" in name for name in moved)


def test_a_checkpoint_is_extended_with_hearing_and_pictures(tmp_path: Path) -> None:
    words_only = recipe_file(tmp_path, audio=None, objectives={})
    run = tmp_path / "words"
    trainer = Trainer(prepare_run(load_recipe(words_only), run), run, lambda _: None, "cpu")
    trainer.train()
    start = tmp_path / "start"
    export(load_recipe(words_only), run, start, "f32")
    changes = {"model": SMALL | {"start": str(start), "tokenizer": str(start / "tokenizer.model"), "extend": True}}
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "voices")
    prepared = prepare_run(load_recipe(recipe_file(tmp_path, **changes)), tmp_path / "run")
    configuration = prepared.model.configuration
    assert "audio" in configuration.input_modalities and "image" in configuration.target_modalities
    known = load_model(start).state_dict()
    ours = prepared.model.state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in known.items() if ours[name].shape == tensor.shape)
    assert sum(name not in known for name in ours) > 20
    wrong = {"model": changes["model"] | {"pictures": SMALL["pictures"] | {"size": 64}}}
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "voices")
    with pytest.raises(TrainingError, match="expected pictures of 32 pixels"):
        prepare_run(load_recipe(recipe_file(tmp_path, **wrong)), tmp_path / "other")


def test_held_out_voices_are_none_of_the_others() -> None:
    from uio2_train.commands.speak import ACCENTS, VARIANTS

    trained = {f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS}
    assert len(trained) > 200 and not trained & set(held_out_voices())


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_says_the_sentences(tmp_path: Path) -> None:
    sentences = tmp_path / "sentences.yaml"
    sentences.write_text(yaml.safe_dump({"open": {"instruction": SAID[1], "wordings": ["Open it.", "Please open it."]},
                                         "push": {"instruction": SAID[0]}}))  # fmt: skip
    words = ["speak", str(sentences), "--output", str(tmp_path / "voices"), "--clips", "3", "--held-out", "2"]
    assert main(words) == 0
    library = SpeechLibrary(tmp_path / "voices")
    library.require(SAID)
    clips = [clip for said in SAID for clip in library.clips[said]]
    assert len(clips) == 6 and all(0.4 < len(clip.samples) / 16_000 < 4 for clip in clips)
    held_out = sorted((tmp_path / "voices" / "held-out").rglob("*.wav"))
    assert [file.parent.name for file in held_out] == ["open"] * 2 + ["push"] * 2
    times = [file.stat().st_mtime_ns for file in held_out]
    assert main(words) == 0
    assert [file.stat().st_mtime_ns for file in held_out] == times, "what is there is kept"


REPOSITORY = Path(__file__).resolve().parents[4]
UIO2 = REPOSITORY / ".build" / "release" / "uio2"


@pytest.mark.skipif(not UIO2.is_file(), reason="uio2 is not built")
def test_the_runtime_hears_what_pytorch_hears(tmp_path: Path) -> None:
    """Actions of words and of sounds, a place and a picture, through one daemon."""
    pytest.importorskip("zmq")
    sys.path.insert(0, str(REPOSITORY / "Envs" / "client"))
    from test_runtime import served
    from uio2_client import camera_frame, observation

    file, run = recipe_file(tmp_path), tmp_path / "run"
    trainer = Trainer(prepare_run(load_recipe(file), run), run, lambda _: None, "cpu")
    trainer.train()
    export(load_recipe(file), run, run / "policy", "f32")
    policy = BundlePolicy(run / "policy")
    frame = encode_jpeg(np.random.default_rng(0).integers(0, 255, (32, 32, 3)).astype(np.uint8))
    with served(run / "policy", tmp_path) as client:
        for sequence, (words, sound) in enumerate(
            [(SAID[0], None), ("", tone(150)), ("", tone(650, 1.7)), (SAID[1], None), ("", tone(150))], 1
        ):
            client.reset()
            chunk = client.act(observation(sequence, {"front": frame}, [0.4], words, audio=sound))
            said = np.array([list(action.values) for action in chunk.actions])
            expected, _ = policy.tokens(words, np.array([0.4]), {"front": frame}, sound)
            assert policy.action.bins(said).reshape(-1).tolist() == policy.tokenizer.bins(expected).tolist()
        answer = client.generate("Where is the goal?", [camera_frame("", frame)], audio=wave_bytes(tmp_path, tone(150)))
        assert answer.finish_reason in ("end", "length")
        picture = client.generate(
            "An image of what will be seen next:", [camera_frame("", frame)], output="image",
            audio=wave_bytes(tmp_path, tone(150)), temperature=0.0,
        )  # fmt: skip
        assert picture.media.startswith(b"\x89PNG")


def wave_bytes(folder: Path, samples: np.ndarray) -> bytes:
    write_wave(folder / "said.wav", samples)
    return (folder / "said.wav").read_bytes()


