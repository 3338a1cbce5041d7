"""Spoken instructions: a folder of recordings, and how they are varied while training.

    speech.json          {"format": "uio2-speech", "version": 1, "clips": [{"file": "train/drawer-open-v3/0000.wav",
                          "instruction": "Open the drawer.", "words": "Open the drawer.", "voice": "en-us+f3"}]}

``instruction`` is the dataset's sentence that the clip stands for, ``words`` what is said.
"""

from __future__ import annotations

import json
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..errors import TrainingError
from ..model import Patches
from . import sounds

FORMAT, VERSION = "uio2-speech", 1
_BANDS = 8
"""Patches of one step of a spectrogram."""


@dataclass(frozen=True)
class Clip:
    """A recording: 16 kHz, one channel, int16 ``[n]``."""

    words: str
    voice: str
    samples: np.ndarray


class SpeechLibrary:
    """The clips of a folder, by the instruction that they stand for."""

    def __init__(self, folder: Path) -> None:
        subject = folder / "speech.json"
        try:
            document = json.loads(subject.read_text())
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                raise TrainingError("unknown_format", str(subject), f"expected {FORMAT} {VERSION}")
            clips = [(clip["instruction"], clip["words"], clip["voice"], folder / clip["file"])
                     for clip in document["clips"]]  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"does not describe recordings: {type(error).__name__} {error}; make them with speak"
            raise TrainingError("unreadable_file", str(subject), message) from error
        self.clips: dict[str, list[Clip]] = {}
        for instruction, words, voice, file in clips:
            self.clips.setdefault(instruction, []).append(Clip(words, voice, read_wave(file)))

    def require(self, instructions: list[str]) -> None:
        """Raises ``TrainingError`` ``missing_speech`` for an instruction that nobody says."""
        missing = [text for text in instructions if text not in self.clips]
        if missing:
            raise TrainingError("missing_speech", missing[0], "nobody says it; make recordings of it with speak")

    def draw(self, instruction: str, random: np.random.Generator) -> Clip:
        """A recording of the instruction, varied."""
        clips = self.clips[instruction]
        clip = clips[int(random.integers(len(clips)))]
        return Clip(clip.words, clip.voice, varied(clip.samples, random))


def read_wave(file: Path) -> np.ndarray:
    """The samples of a 16-bit mono WAV file at 16 kHz."""
    try:
        with wave.open(str(file)) as reader:
            form = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth())
            if form != (sounds.SAMPLE_RATE, 1, 2):
                message = f"expected 16 bits of one channel at {sounds.SAMPLE_RATE} a second, found {form}"
                raise TrainingError("unknown_format", str(file), message)
            return np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2")
    except (OSError, EOFError, wave.Error) as error:
        raise TrainingError("unreadable_file", str(file), f"is no WAV file: {error}") from error


def write_wave(file: Path, samples: np.ndarray) -> None:
    """Writes int16 samples at 16 kHz."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sounds.SAMPLE_RATE)
        writer.writeframes(samples.astype("<i2").tobytes())


def resampled(samples: np.ndarray, rate: float, target: float = sounds.SAMPLE_RATE) -> np.ndarray:
    """Samples at another rate, band-limited, float32."""
    count = round(len(samples) * target / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64))
    kept = np.zeros(count // 2 + 1, dtype=complex)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return (np.fft.irfft(kept, count) * (count / len(samples))).astype(np.float32)


def noise(count: int, colour: float, random: np.random.Generator) -> np.ndarray:
    """Noise of deviation 1 whose power falls with the frequency's ``colour``-th power: 0 white, 1 pink, 2 brown."""
    spectrum = random.normal(size=count // 2 + 1) + 1j * random.normal(size=count // 2 + 1)
    spectrum *= np.maximum(np.arange(count // 2 + 1), count / 2000) ** (-colour / 2)
    values = np.fft.irfft(spectrum, count)
    return (values / values.std()).astype(np.float32)


def noisy(samples: np.ndarray, decibels: float, colour: float, random: np.random.Generator) -> np.ndarray:
    """Samples ``[n]`` with noise that lies ``decibels`` below them."""
    level = np.sqrt(np.mean(samples.astype(np.float64) ** 2) + 1e-12) * 10 ** (-decibels / 20)
    return samples + noise(len(samples), colour, random) * np.float32(level)


def varied(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A recording as another microphone in another room might give it: int16 samples to int16 samples.

    Speed and pitch together by up to 8 %, up to 0.3 s of silence before and after, an echo, a filter, noise from 5 to
    40 dB below, loudness.
    """
    signal = samples.astype(np.float32)
    if random.random() < 0.5:
        signal = resampled(signal, sounds.SAMPLE_RATE * random.uniform(0.92, 1.08))
    before, after = (int(random.uniform(0, 0.3) * sounds.SAMPLE_RATE) for _ in range(2))
    signal = np.pad(signal, (before, after))
    if random.random() < 0.3:
        delay, share = int(random.uniform(0.01, 0.08) * sounds.SAMPLE_RATE), random.uniform(0.1, 0.5)
        signal[delay:] += np.float32(share) * signal[:-delay]
    if random.random() < 0.3:
        tilt = random.uniform(-1.0, 1.0)
        spectrum = np.fft.rfft(signal)
        spectrum *= np.linspace(0.05, 1.0, len(spectrum)) ** tilt
        signal = np.fft.irfft(spectrum, len(signal)).astype(np.float32)
    if random.random() < 0.8:
        signal = noisy(signal, random.uniform(5, 40), random.uniform(0, 2), random)
    peak = np.abs(signal).max() + 1e-6
    return (signal * (10 ** random.uniform(-1.2, -0.05) * 32767 / peak)).astype(np.int16)


def sound_patches(clips: list[np.ndarray], seconds: float) -> Patches:
    """int16 recordings ``[n]`` as patches ``[b, p, 256]``, as far as any of them reaches; ``seconds`` at most.

    A model without audio history hears 4.08 s.
    """
    limit = min(int(seconds * sounds.SAMPLE_RATE), sounds.SEGMENT_SAMPLES)
    rows = [sounds.input_patches(sounds.power_mel(_segment(samples[:limit]))) for samples in clips]
    values, mask = (torch.stack([row[part] for row in rows]) for part in (0, 1))
    last = int(mask.any(0).nonzero().max()) + 1 if bool(mask.any()) else 1
    kept = -(-last // _BANDS) * _BANDS
    return Patches(values[:, :kept], mask[:, :kept])


def _segment(samples: np.ndarray) -> np.ndarray:
    segment = np.zeros(sounds.SEGMENT_SAMPLES, dtype=np.float32)
    segment[: len(samples)] = samples / np.float32(32768)
    return segment


def espeak(words: str, voice: str, words_a_minute: int, pitch: int) -> np.ndarray:
    """What espeak-ng says, int16 at 16 kHz.

    Raises:
        TrainingError: ``missing_program`` where it is not installed.
    """
    command = ["espeak-ng", "--stdout", "-v", voice, "-s", str(words_a_minute), "-p", str(pitch), words]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError as error:
        message = "is not installed; apt-get install espeak-ng"
        raise TrainingError("missing_program", "espeak-ng", message) from error
    except subprocess.CalledProcessError as error:
        raise TrainingError("failed_program", "espeak-ng", error.stderr.decode(errors="replace").strip()) from error
    # It cannot know the length when it writes the header of a stream: 44 bytes, then samples.
    rate = int.from_bytes(done.stdout[24:28], "little")
    samples = np.frombuffer(done.stdout[44 : 44 + (len(done.stdout) - 44) // 2 * 2], dtype="<i2")
    if not len(samples):
        raise TrainingError("failed_program", "espeak-ng", f"said nothing with the voice {voice}")
    return np.clip(resampled(samples, rate), -32768, 32767).astype(np.int16)
