"""Builds the messages that a robot sends."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import uio2_pb2 as pb

_JPEG_START = b"\xff\xd8\xff"
_PNG_START = b"\x89PNG\r\n\x1a\n"


def camera_frame(camera: str, picture: Any, width: int = 0, height: int = 0) -> pb.CameraFrame:
    """A picture as it travels.

    Args:
        camera: a camera name of ``Capabilities``; free text for prompt images.
        picture: the bytes of a JPEG or PNG file, or a uint8 array ``[height, width, 3]`` (RGB, top row first).
        width: pixels; only for bytes whose size is not read here (JPEG).
        height: pixels; as ``width``.

    Raises:
        ValueError: the picture is none of these.
    """
    if isinstance(picture, (bytes, bytearray, memoryview)):
        data = bytes(picture)
        if data.startswith(_PNG_START):
            encoding = pb.IMAGE_ENCODING_PNG
            width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        elif data.startswith(_JPEG_START):
            encoding = pb.IMAGE_ENCODING_JPEG
            if not (width and height):
                width, height = _jpeg_size(data)
        else:
            raise ValueError(
                f"camera {camera!r}: neither JPEG nor PNG; pass an array [height, width, 3] for raw pixels"
            )
        return pb.CameraFrame(camera=camera, encoding=encoding, width=width, height=height, data=data)
    shape = tuple(getattr(picture, "shape", ()))
    if len(shape) != 3 or shape[2] != 3 or str(getattr(picture, "dtype", "")) != "uint8":
        raise ValueError(f"camera {camera!r}: expected a uint8 array [height, width, 3], found shape {shape}")
    return pb.CameraFrame(
        camera=camera, encoding=pb.IMAGE_ENCODING_RGB8, width=shape[1], height=shape[0], data=picture.tobytes()
    )


def observation(
    sequence: int,
    frames: Mapping[str, Any] | Iterable[pb.CameraFrame],
    proprioception: Sequence[float],
    instruction: str,
    *,
    captured_at: int | None = None,
    actions_consumed: int = 0,
    prompt: Iterable[str | pb.CameraFrame] = (),
) -> pb.Observation:
    """What a robot saw and felt at one moment.

    Args:
        sequence: strictly increasing within an episode.
        frames: camera name to picture as ``camera_frame`` takes it, or finished frames.
        proprioception: order, units and ranges of ``Capabilities.proprioception``.
        instruction: what the robot is asked to do, a sentence; empty when there is a ``prompt``.
        captured_at: ns on the robot's own monotonic clock; now when left out.
        actions_consumed: actions of the last chunk that the robot has executed.
        prompt: the instruction as text and images in order, instead of ``instruction``.
    """
    if isinstance(frames, Mapping):
        frames = [camera_frame(name, picture) for name, picture in frames.items()]
    return pb.Observation(
        sequence=sequence,
        captured_at=time.monotonic_ns() if captured_at is None else captured_at,
        frames=frames,
        proprioception=[float(value) for value in proprioception],
        instruction=instruction,
        prompt=[
            pb.PromptPart(text=part) if isinstance(part, str) else pb.PromptPart(image=part) for part in prompt
        ],
        actions_consumed=actions_consumed,
    )


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the start-of-frame segment of a JPEG file."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return int.from_bytes(data[position + 7 : position + 9], "big"), height
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise ValueError("the JPEG file names no size; it is damaged")
