"""Sounds to patches and targets, as the release prepares them: 4.08 s segments, log-mel, 16 x 16 patches."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 16_000
SEGMENT_SECONDS = 4.08
SEGMENT_SAMPLES = 65_280
BANDS, STEPS = 128, 256
_FFT, _HOP = 1024, 256
INPUT_MEAN, INPUT_DEVIATION = -4.26, 9.14
TARGET_MEAN, TARGET_DEVIATION = -5.0945, 3.8312


def segments(waveform: np.ndarray) -> np.ndarray:
    """A waveform at 16 kHz ``[n]`` cut into segments ``[segments, 65280]``, the last one filled with zeros."""
    seconds = len(waveform) / SAMPLE_RATE
    count = int(seconds // SEGMENT_SECONDS)
    if seconds % SEGMENT_SECONDS - 0.1 > SEGMENT_SECONDS / 2:
        count += 1
    padded = np.zeros(max(count, 1) * SEGMENT_SAMPLES, dtype=np.float32)
    kept = waveform[: len(padded)]
    padded[: len(kept)] = kept
    return padded.reshape(-1, SEGMENT_SAMPLES)


@lru_cache(maxsize=1)
def mel_filters() -> np.ndarray:
    """Slaney's mel bands from 0 to 8000 Hz with Slaney's norm, ``[128, 513]``."""
    step, knee = 200.0 / 3, 1000.0
    log_step = np.log(6.4) / 27.0

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < knee / step, mel * step, knee * np.exp(log_step * (mel - knee / step)))

    highest = knee / step + np.log(SAMPLE_RATE / 2 / knee) / log_step
    edges = hertz(np.linspace(0.0, highest, BANDS + 2))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    ramps = edges[:, None] - frequencies
    widths = np.diff(edges)
    weights = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]))
    weights *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return weights.astype(np.float32)


def power_mel(segment: np.ndarray) -> np.ndarray:
    """A segment ``[65280]`` to its power mel spectrogram ``[128, 256]``."""
    samples = torch.from_numpy(np.ascontiguousarray(segment, dtype=np.float32))
    window = torch.hann_window(_FFT, periodic=False)  # symmetric: the release takes the window's default
    spectrum = torch.stft(samples, _FFT, _HOP, window=window, center=True, pad_mode="reflect", return_complex=True)
    return (mel_filters() @ spectrum.abs().square().numpy())[:, :STEPS]


def _log(mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``[steps, bands]`` log-mel and where the power is not zero."""
    power = mel.T
    mask = power != 0
    return np.log(power.clip(1e-5, 1e5)) * mask, mask


def input_patches(mel: np.ndarray, patch: int = 16) -> tuple[Tensor, Tensor]:
    """A power mel ``[128, 256]`` to normalised patches ``[128, 256]`` (time-major) and their mask, bool ``[128]``."""
    log_mel, mask = _log(mel)
    values = ((log_mel - INPUT_MEAN) / INPUT_DEVIATION).astype(np.float32)
    split = values.reshape(STEPS // patch, patch, BANDS // patch, patch).swapaxes(1, 2)
    shown = mask[patch // 2 :: patch, patch // 2 :: patch].reshape(-1)
    return torch.from_numpy(split.reshape(-1, patch * patch).copy()), torch.from_numpy(shown.copy())


def target_spectrogram(mel: np.ndarray, code: int = 8) -> tuple[Tensor, Tensor]:
    """A power mel to a target ``[128, 256]`` and which codes, time by time, count: bool ``[512]``."""
    log_mel, mask = _log(mel)
    values = ((log_mel - TARGET_MEAN) / TARGET_DEVIATION).astype(np.float32)
    shown = mask[code // 2 :: code, code // 2 :: code].reshape(-1)
    return torch.from_numpy(values.T.copy()), torch.from_numpy(shown.copy())
