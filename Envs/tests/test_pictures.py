"""Sizes of encoded pictures, held against Pillow's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from uio2_client import camera_frame
from uio2_client.pictures import jpeg_size, png_size

PIXELS = np.random.default_rng(3).integers(0, 255, (20, 30, 3), dtype=np.uint8)


def encoded(kind: str, orientation: int | None) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_the_size_is_that_of_the_upright_picture(kind: str, orientation: int | None) -> None:
    data = encoded(kind, orientation)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size
    frame = camera_frame("front", data)
    assert (frame.width, frame.height) == expected


def test_stray_bytes_before_a_marker_are_skipped() -> None:
    data = encoded("JPEG", 6)
    assert jpeg_size(data[:2] + b"\x00\x13\x37" + data[2:]) == (20, 30)


@pytest.mark.parametrize("size", [jpeg_size, png_size])
def test_damaged_files_are_refused_and_never_crash(size) -> None:
    random = np.random.default_rng(7)
    whole = encoded("JPEG" if size is jpeg_size else "PNG", 6)
    read = refused = 0
    for _ in range(2000):
        data = bytearray(whole[: random.integers(0, len(whole))])
        for _ in range(random.integers(0, 8)):
            if data:
                data[random.integers(0, len(data))] = random.integers(0, 256)
        try:
            width, height = size(bytes(data))
            assert width >= 0 and height >= 0
            read += 1
        except ValueError:
            refused += 1
    assert read > 100 and refused > 20


def test_an_array_of_floats_is_told_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"found float32 \[20, 30, 3\]; scale the values"):
        camera_frame("front", PIXELS.astype(np.float32))
