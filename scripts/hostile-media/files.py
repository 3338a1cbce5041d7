"""Pictures and sounds that are small as files and large as work."""

from __future__ import annotations

import struct
import zlib

_MEBIBYTE = 1 << 20


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IEND", b"")


def _deflated(size: int) -> bytes:
    """``size`` zeros, deflated."""
    compressor = zlib.compressobj(9)
    zeros = bytes(_MEBIBYTE)
    parts = [compressor.compress(zeros[: min(_MEBIBYTE, size - start)]) for start in range(0, size, _MEBIBYTE)]
    return b"".join(parts) + compressor.flush()


def _endless(size: int, surplus: int) -> bytes:
    """``size`` zeros, deflated, and ``surplus`` more in pieces that are all the same; the stream has no end."""
    compressor = zlib.compressobj(9)
    start = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_FULL_FLUSH)
    piece = compressor.compress(bytes(16 * _MEBIBYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return start + piece * (surplus // (16 * _MEBIBYTE))


def _pixels(width: int, height: int) -> bytes:
    return _chunk(b"IDAT", _deflated(height * (1 + 3 * width)))


def png_of(side: int) -> bytes:
    """Black."""
    return _png(side, side, _pixels(side, side))


def png_with_texts(side: int, kind: bytes, count: int = 900) -> bytes:
    """``count`` compressed texts of 3 MiB before the pixels."""
    start = b"Comment\0\0" if kind == b"zTXt" else b"Comment\0\1\0\0\0"
    return _png(side, side, _chunk(kind, start + _deflated(3 * _MEBIBYTE)) * count, _pixels(side, side))


def png_that_goes_on(side: int, surplus: int) -> bytes:
    """Pixels whose stream has ``surplus`` bytes behind the last row."""
    return _png(side, side, _chunk(b"IDAT", _endless(side * (1 + 3 * side), surplus)))


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """Grey, progressive: each scan is a few bytes and visits every block."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    blocks = ((side + 7) // 8) ** 2
    parts = [
        b"\xff\xd8",
        segment(0xDB, bytes([0]) + bytes([1]) * 64),
        segment(0xC2, struct.pack(">BHH", 8, side, side) + bytes([1, 1, 0x11, 0])),
        # In each table one code of one bit: no difference, and 16,384 blocks without coefficients.
        segment(0xC4, bytes([0x00, 1]) + bytes(15) + bytes([0x00])),
        segment(0xC4, bytes([0x10, 1]) + bytes(15) + bytes([0xE0])),
        segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes((blocks + 7) // 8),
    ]
    for scan in range(scans - 1):
        coefficient, bits = 1 + scan % 63, 0x01 if scan < 63 else 0x10
        parts.append(segment(0xDA, bytes([1, 1, 0, coefficient, coefficient, bits])))
        parts.append(bytes(((blocks + 16_383) // 16_384 * 15 + 7) // 8))
    return b"".join(parts) + b"\xff\xd9"


def flac_of_silence(channels: int, samples: int, rate: int = 48_000) -> bytes:
    """FLAC whose every frame is 65,535 times the same value in each channel."""
    size = 65_535
    information = struct.pack(">HH", size, size) + bytes(6)
    information += (rate << 44 | (channels - 1) << 41 | 15 << 36 | samples).to_bytes(8, "big") + bytes(16)
    frames = []
    for number in range(samples // size):
        # Fixed block size, given in 16 bits at the end; rate and bits as in the stream's information.
        head = bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4 | 0x00]) + _utf8(number) + struct.pack(">H", size - 1)
        head += bytes([_checksum(head, 8, 0x07)])
        frame = head + (bytes([0x00]) + bytes(2)) * channels
        frames.append(frame + _checksum(frame, 16, 0x8005).to_bytes(2, "big"))
    count = samples // size * size
    information = information[:10] + (rate << 44 | (channels - 1) << 41 | 15 << 36 | count).to_bytes(8, "big") + bytes(16)
    return b"fLaC" + bytes([0x80]) + len(information).to_bytes(3, "big") + information + b"".join(frames)


def _utf8(number: int) -> bytes:
    """As UTF-8 has it, for numbers up to 2^31."""
    return chr(number).encode() if number < 0xD800 else b""


def _checksum(data: bytes, bits: int, polynomial: int) -> int:
    value, top, mask = 0, 1 << bits - 1, (1 << bits) - 1
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value
