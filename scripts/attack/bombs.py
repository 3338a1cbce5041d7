"""Pictures that are small as files and large as work."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from uio2_client import uio2_pb2 as pb

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _header(width: int, height: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def _zeros(count: int) -> bytes:
    """``count`` zeros, deflated."""
    compressor = zlib.compressobj(9)
    parts = [compressor.compress(bytes(min(1 << 20, count - start))) for start in range(0, count, 1 << 20)]
    return b"".join(parts) + compressor.flush()


def larger_than_declared(side: int) -> bytes:
    """A PNG of ``side`` squared, whatever the message says."""
    return _SIGNATURE + _header(side, side) + _chunk(b"IDAT", _zeros(side * (1 + 3 * side))) + _chunk(b"IEND", b"")


def endless_rows(width: int, height: int, extra: int) -> bytes:
    """A PNG whose data goes on for ``extra`` bytes after the last row."""
    data = _zeros(height * (1 + 3 * width) + extra)
    return _SIGNATURE + _header(width, height) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def texts(width: int, height: int, room: int) -> bytes:
    """A PNG with as many deflated texts of 3 MiB as ``room`` bytes take."""
    text = _chunk(b"zTXt", b"a\0\0" + _zeros(3 << 20))
    data = _chunk(b"IDAT", _zeros(height * (1 + 3 * width)))
    count = min(900, max(1, (room - len(data) - 100) // len(text)))
    return _SIGNATURE + _header(width, height) + text * count + data + _chunk(b"IEND", b"")


def many_scans(side: int) -> bytes:
    """A progressive JPEG of ``side`` squared."""
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, "JPEG", progressive=True, quality=5)
    return file.getvalue()


def kinds(width: int, height: int, room: int) -> list[tuple[bytes, int]]:
    """Bombs of at most ``room`` bytes, with their encodings."""
    png = [larger_than_declared(10_000), endless_rows(width, height, 256 << 20), texts(width, height, room)]
    pictures = [(data, pb.IMAGE_ENCODING_PNG) for data in png] + [(many_scans(6_000), pb.IMAGE_ENCODING_JPEG)]
    return [(data, encoding) for data, encoding in pictures if len(data) <= room]
