"""Builds the sounds that a robot sends."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable
from typing import Any

from . import uio2_pb2 as pb
from .errors import InvalidValue

_MAXIMUM_BYTES = 8 << 20


def audio_clip(sound: Any) -> pb.AudioClip:
    """A sound as it travels.

    Args:
        sound: the bytes of a WAV, FLAC or OGG file, or an array ``[samples]`` of one channel at 16,000 samples a second: int16, or
            float from -1 to 1. A clip is returned as it is.

    Raises:
        InvalidValue: the sound is none of these, has no samples, or is larger than a message may carry.
    """
    if isinstance(sound, pb.AudioClip):
        return sound
    if isinstance(sound, (bytes, bytearray, memoryview)):
        data = bytes(sound)
        is_wave = data[8:12] == b"WAVE" and data[:4] in (b"RIFF", b"RIFX", b"RF64")
        if not (is_wave or data[:4] in (b"fLaC", b"OggS")):
            raise InvalidValue("audio", "expected a WAV, FLAC or OGG file; pass an array [samples] for 16,000 samples a second")
        encoding = pb.AUDIO_ENCODING_FILE
    else:
        data, encoding = _pcm16(sound), pb.AUDIO_ENCODING_PCM16
    if not 0 < len(data) <= _MAXIMUM_BYTES:
        raise InvalidValue("audio", f"expected 1 to {_MAXIMUM_BYTES} bytes, found {len(data)}; shorten or compress it")
    return pb.AudioClip(encoding=encoding, data=data)


def _pcm16(sound: Any) -> bytes:
    """The samples of an array, signed 16-bit little-endian."""
    shape = shape_of(sound)
    kind = str(getattr(sound, "dtype", type(sound).__name__))
    if len(shape) != 1 or kind not in ("int16", "float32", "float64"):
        raise InvalidValue("audio", f"expected an int16 or float array [samples] of one channel, found {kind} {list(shape)}")
    values = sound.tolist()
    if kind != "int16":
        if not all(-1 <= value <= 1 for value in values):  # so that NaN is refused
            raise InvalidValue("audio", "expected float samples from -1 to 1")
        values = [round(value * 32767) for value in values]
    samples = array.array("h", values)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def shape_of(found: Any) -> tuple[Any, ...]:
    """The shape of an array; empty for anything else."""
    shape = getattr(found, "shape", ())
    return tuple(shape) if isinstance(shape, Iterable) else ()
