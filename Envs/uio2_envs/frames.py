"""Pictures as they travel."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from uio2_client import camera_frame
from uio2_client import uio2_pb2 as pb

ENCODINGS = ("jpeg", "png", "rgb8")
"""JPEG is quality 95 without chroma subsampling, which is what the shipped policies were trained on."""


def encode(camera: str, frame: np.ndarray, encoding: str) -> pb.CameraFrame:
    """A frame uint8 ``[height, width, 3]`` as a message.

    Raises:
        ValueError: ``encoding`` is none of ``ENCODINGS``.
    """
    if encoding == "rgb8":
        return camera_frame(camera, frame)
    buffer = io.BytesIO()
    if encoding == "jpeg":
        Image.fromarray(frame).save(buffer, format="JPEG", quality=95, subsampling=0)
    elif encoding == "png":
        Image.fromarray(frame).save(buffer, format="PNG", compress_level=1)
    else:
        raise ValueError(f"unknown encoding {encoding!r}; there are: {', '.join(ENCODINGS)}")
    return camera_frame(camera, buffer.getvalue(), width=frame.shape[1], height=frame.shape[0])


def encode_prompt(prompt: Sequence[str | np.ndarray], encoding: str) -> list[pb.PromptPart]:
    """Words and pictures in order as parts of a message; its pictures have no camera.

    Raises:
        ValueError: as ``encode``.
    """
    return [
        pb.PromptPart(text=part) if isinstance(part, str) else pb.PromptPart(image=encode("", part, encoding))
        for part in prompt
    ]
