"""Builds the messages that a robot sends."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from . import uio2_pb2 as pb
from .checks import made, nanoseconds, shown_value
from .errors import ClientError, InvalidValue
from .pictures import jpeg_size, png_size
from .sounds import audio_clip, shape_of

_JPEG_START = b"\xff\xd8\xff"
PROTOCOL_VERSION = 2
_MAXIMUM_REASON_BYTES = 1024
_PNG_START = b"\x89PNG\r\n\x1a\n"


def camera_frame(camera: str, picture: Any, width: int = 0, height: int = 0) -> pb.CameraFrame:
    """A picture as it travels.

    Args:
        camera: a camera name of ``Capabilities``; free text for prompt images.
        picture: the bytes of a JPEG or PNG file, which may name an EXIF orientation, or a uint8 array ``[height, width, 3]`` (RGB, top row first).
        width: pixels, as a viewer shows the picture; only for a JPEG file, whose size is read when this is left out.
        height: pixels; as ``width``.

    Raises:
        InvalidValue: the picture is none of these.
    """
    subject = f"camera {shown_value(camera)}"
    if isinstance(picture, (bytes, bytearray, memoryview)):
        data = bytes(picture)
        if data.startswith(_PNG_START):
            encoding = pb.IMAGE_ENCODING_PNG
            width, height = _size(png_size, data, subject)
        elif data.startswith(_JPEG_START):
            encoding = pb.IMAGE_ENCODING_JPEG
            if not (width and height):
                width, height = _size(jpeg_size, data, subject)
        else:
            raise InvalidValue(subject, "neither JPEG nor PNG; pass an array [height, width, 3] for raw pixels")
        return made(pb.CameraFrame, "frame", camera=camera, encoding=encoding, width=width, height=height, data=data)
    shape = shape_of(picture)
    kind = str(getattr(picture, "dtype", type(picture).__name__))
    if len(shape) != 3 or shape[2] != 3 or kind != "uint8":
        message = f"expected a uint8 array [height, width, 3], found {kind} {list(shape)}"
        if kind.startswith("float"):
            message += "; scale the values to 0...255 and convert them with .astype('uint8')"
        raise InvalidValue(subject, message)
    size = {"width": shape[1], "height": shape[0]}
    return made(
        pb.CameraFrame, "frame", camera=camera, encoding=pb.IMAGE_ENCODING_RGB8, **size, data=picture.tobytes()
    )


def _size(read: Callable[[bytes], tuple[int, int]], data: bytes, subject: str) -> tuple[int, int]:
    try:
        return read(data)
    except (ValueError, struct.error) as error:
        raise InvalidValue(subject, str(error)) from error


def observation(
    sequence: int,
    frames: Mapping[str, Any] | Iterable[pb.CameraFrame],
    proprioception: Sequence[float],
    instruction: str,
    *,
    captured_at: int | None = None,
    actions_consumed: int = 0,
    skips_executed: bool = False,
    prompt: Iterable[str | pb.CameraFrame] = (),
    audio: Any = None,
) -> pb.Observation:
    """What a robot saw and felt at one moment.

    Args:
        sequence: strictly increasing within an episode.
        frames: camera name to picture as ``camera_frame`` takes it, or finished frames.
        proprioception: order, units and ranges of ``Capabilities.proprioception``.
        instruction: what the robot is asked to do, a sentence; empty when there is a ``prompt``, or when ``audio`` says it.
        captured_at: ns on the robot's own monotonic clock; now when left out.
        actions_consumed: the place in the last chunk that the robot has come to: how many of its actions, counted from its first, are
            executed or left out. It stays as it is until more are executed or the next chunk takes over.
        skips_executed: whether the robot leaves out of the answer as many actions as it executes, of earlier chunks, between this
            observation and the moment when the answer takes over; otherwise it begins with the first.
        prompt: the instruction as text and images in order, instead of ``instruction``.
        audio: what the robot heard, as ``audio_clip`` takes it; only for a policy that hears (``Capabilities.audio``). Make the clip once
            and send it with every observation for which it holds.

    Raises:
        InvalidValue: something of it cannot be sent.
    """
    if isinstance(frames, Mapping):
        frames = [camera_frame(name, picture) for name, picture in frames.items()]
    parts = listed("observation.prompt", prompt)
    return made(
        pb.Observation,
        "observation",
        sequence=sequence,
        captured_at=time.monotonic_ns() if captured_at is None else nanoseconds(captured_at, "observation.captured_at"),
        frames=listed("observation.frames", frames),
        proprioception=[_number(value) for value in listed("observation.proprioception", proprioception)],
        instruction=instruction,
        prompt=[_part(f"observation.prompt[{place}]", part) for place, part in enumerate(parts)],
        actions_consumed=actions_consumed,
        skips_executed=skips_executed,
        audio=None if audio is None else audio_clip(audio),
    )


def _part(field: str, part: Any) -> pb.PromptPart:
    if not isinstance(part, (str, pb.CameraFrame)):
        raise InvalidValue(field, f"expected a text, or a picture of camera_frame, found {shown_value(part)}")
    return made(pb.PromptPart, field, **{"text" if isinstance(part, str) else "image": part})


def listed(field: str, values: Any) -> list[Any]:
    """Values one after the other.

    Raises:
        InvalidValue: it is one thing, or a text.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidValue(field, f"expected a list, found {shown_value(values)}")
    try:
        return list(values)
    except TypeError as error:  # an array without dimensions
        raise InvalidValue(field, f"expected a list, found {type(values).__name__}") from error


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        message = f"expected numbers in one row, found {shown_value(value)} among them"
        raise InvalidValue("observation.proprioception", message) from error


def check_answer(chunk: pb.ActionChunk, observation: pb.Observation) -> None:
    """Makes sure that a chunk answers an observation.

    Raises:
        ClientError: ``malformed``; its actions are for another moment.
    """
    if chunk.observation_sequence != observation.sequence or chunk.captured_at != observation.captured_at:
        raise ClientError(
            "malformed", "action_chunk.observation_sequence", "the actions answer another observation than the last"
        )


def parse_reply(data: bytes) -> pb.Reply:
    """A reply off the wire.

    Raises:
        ClientError: ``malformed``; the bytes are none.
    """
    reply = pb.Reply()
    try:
        reply.ParseFromString(data)
    except DecodeError as error:
        raise ClientError("malformed", "reply", f"not a reply of this protocol: {error}") from error
    return reply


def fitted_reason(reason: object) -> str:
    """As much of a stop's reason as may travel: without NUL, cut between two characters. Nothing that is given keeps a stop back."""
    if isinstance(reason, bytes):
        reason = reason.decode("utf-8", "replace")
    try:
        text = "" if reason is None else str(reason)
    except Exception:
        text = type(reason).__name__
    data = text.encode("utf-8", "replace").replace(b"\0", b" ")
    return data[:_MAXIMUM_REASON_BYTES].decode("utf-8", "ignore")


def bounded(data: bytes, maximum: int) -> bytes:
    """``data``, if a daemon reads as much; a ``maximum`` of 0 is one that is not known."""
    if 0 < maximum < len(data):
        # The daemon would refuse it too, but of one that is far too large it only breaks the connection.
        raise ClientError(
            "too_large",
            "request",
            f"{len(data)} bytes, this daemon reads {maximum} at most; send smaller or compressed pictures",
        )
    return data


def request_bytes(request_id: int, session: str, token: bytes, kind: str, body: Any) -> bytes:
    """A request as it travels."""
    return pb.Request(
        protocol_version=PROTOCOL_VERSION,
        request_id=request_id,
        session_id=session,
        # A stop needs none, and nothing must keep it back.
        session_token=b"" if kind == "stop" else token,
        **{kind: body},
    ).SerializeToString()


def check_version(reply: pb.Reply) -> None:
    """Refuses a reply in another version of the protocol."""
    if reply.protocol_version != PROTOCOL_VERSION:
        raise ClientError(
            "unsupported_version",
            "reply.protocol_version",
            f"the daemon speaks version {reply.protocol_version}, this client {PROTOCOL_VERSION}",
        )
