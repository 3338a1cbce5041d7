"""``speak``: recordings of a policy's instructions by espeak-ng, in many voices, speeds and pitches.

    OUTPUT/speech.json, OUTPUT/train/…      what ``audio.speech`` of a recipe names
    OUTPUT/held-out/TASK/…                  voices that are never trained on, noise added: for ``--speech`` of the robot
    OUTPUT/held-out-words/TASK/…            the same voices with the wordings that are never trained either

A voice is an accent with a variant of the throat. Those held out have an accent or a variant that no trained voice has.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import yaml

from ..data.sounds import SAMPLE_RATE
from ..data.speech import FORMAT, VERSION, espeak, noisy, write_wave
from ..errors import TrainingError
from ..recipe_file import read_yaml

ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
HELD_OUT_ACCENTS = ("en-gb-scotland",)
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "f1", "f2", "f3", "f4", "Alex", "Alicia", "Andy", "Annie", "anika",
            "belinda", "david", "Denis", "edward", "Gene", "grandma", "Hugo", "iven", "iven3", "john", "kaukovalta",
            "klatt", "klatt3", "linda", "Lee", "max", "Michael", "Mr", "norbert", "pablo", "paul", "pedro", "robert",
            "rob", "sandro", "shelby", "steph", "Storm", "travis", "victor", "zac")  # fmt: skip
HELD_OUT_VARIANTS = ("m7", "f5", "Andrea", "aunty", "benjamin", "Diogo", "ed", "Jacky", "Marco", "marcelo", "Mario",
                     "michel", "quincy", "Tweaky")  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("sentences", type=Path, help="YAML: task: {instruction: …, wordings: […], held_out: […]}")
    parser.add_argument("--output", type=Path, required=True, help="a folder; what is there is kept")
    parser.add_argument("--clips", type=int, default=320, help="of each instruction, for training")
    parser.add_argument("--held-out", type=int, default=40, help="of each instruction, for judging")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=0.0, metavar="SECONDS", help="what is longer is said faster (any length)")


def _voices(accents: tuple[str, ...], variants: tuple[str, ...]) -> list[str]:
    return [f"{accent}+{variant}" for accent in accents for variant in variants]


def held_out_voices() -> list[str]:
    """Every accent with a throat that is held out, and every throat with an accent that is."""
    return _voices(ACCENTS + HELD_OUT_ACCENTS, HELD_OUT_VARIANTS) + _voices(HELD_OUT_ACCENTS, VARIANTS)


def read_sentences(file: Path) -> dict[str, dict[str, list[str]]]:
    """Task to its instruction and how it is said.

    Raises:
        TrainingError: ``invalid_recipe``.
    """
    try:
        document = read_yaml(file)
        return {
            str(task): {"instruction": [str(part["instruction"])],
                        "wordings": [str(text) for text in part.get("wordings", [])] or [str(part["instruction"])],
                        "held_out": [str(text) for text in part.get("held_out", [])]}
            for task, part in document.items()
        }  # fmt: skip
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        message = f"expected task: {{instruction: …, wordings: […]}}: {type(error).__name__} {error}"
        raise TrainingError("invalid_recipe", str(file), message) from error


def run(options: argparse.Namespace) -> None:
    """Speaks."""
    sentences = read_sentences(options.sentences)
    _require_variants()
    clips = []
    for index, (task, said) in enumerate(sentences.items()):
        random = np.random.default_rng([options.seed, index])
        instruction = said["instruction"][0]
        for number in range(options.clips):
            words, voice, file = _clip(said["wordings"], _voices(ACCENTS, VARIANTS), random, f"train/{task}", number)
            _record(options.output / file, words, voice, random, None, options.longest)
            clips.append({"file": file, "instruction": instruction, "words": words, "voice": voice})
        judged = [("held-out", said["wordings"]), ("held-out-words", said["held_out"])]
        for number_of_kind, (kind, wordings) in enumerate(judged, start=1):
            random = np.random.default_rng([options.seed, index, number_of_kind])
            for number in range(options.held_out if wordings else 0):
                words, voice, file = _clip(wordings, held_out_voices(), random, f"{kind}/{task}", number)
                _record(options.output / file, words, voice, random, random.uniform(10, 30), options.longest)
        print(f"{task}: {options.clips} clips, {options.held_out} held out", flush=True)
        document = {"format": FORMAT, "version": VERSION, "clips": clips}
        (options.output / "speech.json").write_text(json.dumps(document, indent=0) + "\n")


def _require_variants() -> None:
    """Raises ``TrainingError`` for a variant that is not installed: espeak-ng would do without it and not say so."""
    try:
        listed = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"cannot be run ({error}); apt-get install espeak-ng"
        raise TrainingError("missing_program", "espeak-ng", message) from error
    missing = [name for name in VARIANTS + HELD_OUT_VARIANTS if f"!v/{name}" not in listed.split()]
    if missing:
        raise TrainingError("missing_voice", missing[0], "this espeak-ng has no such variant; install Debian 12's")


def _clip(
    wordings: list[str], voices: list[str], random: np.random.Generator, folder: str, number: int
) -> tuple[str, str, str]:
    words = wordings[int(random.integers(len(wordings)))]
    return words, voices[int(random.integers(len(voices)))], f"{folder}/{number:04d}.wav"


_FASTEST = 450
"""Words a minute, of which espeak-ng is capable without help."""


def _record(
    file: Path, words: str, voice: str, random: np.random.Generator, decibels: float | None, longest: float
) -> None:
    speed, pitch = int(random.integers(120, 220)), int(random.integers(20, 80))
    colour = float(random.uniform(0, 2))
    if file.exists():
        return
    samples = espeak(words, voice, speed, pitch)
    while longest and len(samples) > longest * SAMPLE_RATE and speed < _FASTEST:
        speed = min(_FASTEST, int(speed * max(1.05, len(samples) / (longest * SAMPLE_RATE))) + 1)
        samples = espeak(words, voice, speed, pitch)
    if decibels is not None:
        loud = noisy(samples.astype(np.float32), decibels, colour, random)
        samples = (loud * (0.7 * 32767 / np.abs(loud).max())).astype(np.int16)
    write_wave(file, samples)
