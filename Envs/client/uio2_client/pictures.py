"""The size of an encoded picture as a viewer shows it: after the turn that its EXIF orientation asks for."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ORIENTATION = 0x0112
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_APP1 = 0xE1


def jpeg_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a JPEG file, from its start-of-frame segment.

    Raises:
        ValueError: the file names no size.
    """
    orientation = 1
    for marker, start, length in _segments(data):
        if marker == _APP1 and data[start : start + 6] == b"Exif\0\0":
            orientation = _orientation(data[start + 6 : start + length])
        elif marker in _FRAME_MARKERS and length >= 5:
            height, width = struct.unpack_from(">HH", data, start + 1)
            return _turned(width, height, orientation)
        elif marker == _START_OF_SCAN:
            break
    raise ValueError("the JPEG file names no size; it is damaged")


def png_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a PNG file, from its IHDR chunk.

    Raises:
        ValueError: the file ends before its size.
    """
    if len(data) < 24:
        raise ValueError("the PNG file names no size; it is damaged")
    width, height = struct.unpack_from(">II", data, 16)
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"eXIf":
            return _turned(width, height, _orientation(data[position + 8 : position + 8 + length]))
        position += 12 + length
    return width, height


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start of its contents and their length; bytes between segments are skipped, as viewers do."""
    position = 2
    while (position := data.find(b"\xff", position)) >= 0:
        while data[position : position + 1] == b"\xff":  # fill bytes
            position += 1
        if position + 3 > len(data):
            return
        marker = data[position]
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:  # no segments follow these
            position += 1
            continue
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        if length < 2 or position + 1 + length > len(data):
            return
        yield marker, position + 3, length - 2
        position += 1 + length


def _orientation(exif: bytes) -> int:
    """The orientation 1...8 of a TIFF header; 1 when it names none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", exif, 4)
    if directory + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, directory)
    for position in range(directory + 2, min(directory + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, position)
        if tag == _ORIENTATION and kind == 3:
            (value,) = struct.unpack_from(f"{order}H", exif, position + 8)
            return value if 1 <= value <= 8 else 1
    return 1


def _turned(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation >= 5 else (width, height)
