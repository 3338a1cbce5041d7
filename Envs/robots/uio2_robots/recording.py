"""What an arm says and is told, as an MCAP file: what ``uio2 serve --record`` writes, from the robot's side.

Written by a thread of its own: the control loop never waits for the disk. What comes faster than it can be written is
left out and counted, in the file too; whatever ends the file before its time is said, with how much it lacks.
docs/recording.md says what is in the file; ``uio2 replay`` plays it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from foxglove_schemas_protobuf import CompressedImage_pb2, JointStates_pb2, Log_pb2, RawImage_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from mcap.writer import CompressionType, Writer
from uio2_client import uio2_pb2 as pb

_QUEUE = 512
"""Messages that may wait to be written."""
_WAITING = 64
"""Requests without a reply that wait for one."""
_FLUSH_SECONDS = 0.5
_FREE_BYTES = 256 << 20
_FORMATS = {pb.IMAGE_ENCODING_JPEG: "jpeg", pb.IMAGE_ENCODING_PNG: "png"}


class RecordingFailure(Exception):
    """The file cannot be made or written; the sentence says why."""

    code = "unwritable_file"
    subject = "record"

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)


class Recording:
    """A recording, from its making to ``close``.

    Args:
        file: must not exist: a recording replaces nothing.
        say: told once when the recording ends before its time.
        free_bytes: how much is left on the disk; for tests.
    """

    def __init__(
        self,
        file: Path,
        say: Callable[[str], None],
        free_bytes: Callable[[], int] | None = None,
        capacity: int = _QUEUE,
    ) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = file.open("xb")
        except FileExistsError:
            raise RecordingFailure(f"{file} exists, and a recording replaces nothing; choose another name") from None
        except OSError as error:
            raise RecordingFailure(f"{file} cannot be made: {error.strerror}") from None
        self._file = file
        self._say = say
        self._free_bytes = free_bytes or self._free
        self._queue: queue.Queue[tuple[str, bytes, int] | None] = queue.Queue(capacity)
        self._lost = 0
        self._lost_bytes = 0
        self._lost_since = 0
        self._failed = False
        self._missing = 0
        """Messages that the file lacks since it ended before its time."""
        self._work = _Work(self._stream)
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def observe(self, kind: str, data: bytes, at: int) -> None:
        """Takes a message and nanoseconds on the robot's monotonic clock. Never waits.

        Args:
            kind: ``request`` or ``reply``; ``operator``, the answer of a person in the place of the policy; ``episode``,
                the words of ``mark``.
        """
        if self._failed:
            self._missing += 1
            return
        try:
            if self._lost:
                # Before what follows it, so that the place of the gap can be seen.
                words = {"reason": "queue_full", "messages": self._lost, "bytes": self._lost_bytes}
                times = {"since_ns": self._lost_since, "until_ns": at}
                self._queue.put_nowait(("losses", json.dumps(words | times).encode(), at))
                self._lost = self._lost_bytes = 0
            self._queue.put_nowait((kind, data, at))
        except queue.Full:
            self._lost_since = self._lost_since if self._lost else at
            self._lost += 1
            self._lost_bytes += len(data)

    def mark(self, event: str, session: str, **fields: Any) -> None:
        """Notes that an episode of a session ``began`` or ``ended``, with ``task``, ``seed`` and ``success`` if known."""
        words = {"event": event, "session": session, **fields}
        self.observe("episode", json.dumps(words).encode(), time.monotonic_ns())

    def close(self) -> None:
        """Writes what waits and the index; waits ten seconds at most. Says what is missing."""
        self._finish()
        missing = self._missing + self._lost + (self._left() if self._failed else 0)
        self._missing = self._lost = 0
        if self._failed and missing:
            self._tell(f"{self._file} lacks the last {missing} messages")

    def _left(self) -> int:
        """Takes what still waits; returns how many messages that were."""
        count = 0
        with suppress(queue.Empty):
            while True:
                count += self._queue.get_nowait() is not None
        return count

    def _finish(self) -> None:
        if self._failed and not self._thread.is_alive():
            return
        deadline = time.monotonic() + 10
        try:
            self._queue.put(None, timeout=10)
        except queue.Full:
            self._end("the disk does not answer")
            return
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._end("the disk does not answer")

    def _free(self) -> int:
        status = os.fstatvfs(self._stream.fileno())
        return status.f_bavail * status.f_frsize

    def _end(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            self._tell(f"the recording has ended: {self._file}: {reason}")

    def _tell(self, line: str) -> None:
        # A terminal that is gone ends no thread.
        with suppress(Exception):
            self._say(line)

    def _write(self) -> None:
        try:
            flushed = time.monotonic()
            while not self._failed:
                try:
                    entry = self._queue.get(timeout=_FLUSH_SECONDS / 2)
                    if entry is None:
                        break
                    self._work.write(*entry)
                except queue.Empty:
                    pass
                if time.monotonic() - flushed >= _FLUSH_SECONDS:
                    flushed = time.monotonic()
                    self._work.flush()
                    if self._free_bytes() < _FREE_BYTES:
                        self._work.lose("disk_full", self._queue.qsize())
                        self._end(f"less than {_FREE_BYTES >> 20} MiB are left on the disk")
            self._work.finish()
            self._stream.close()
        except Exception as error:  # whatever it is: nothing more is written, which has to be said
            self._missing += 1
            self._end(str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}")
        finally:
            with suppress(Exception):
                self._stream.close()


class _Work:
    """What the thread alone uses: the file, its channels, and how the robot's clock relates to the daemon's."""

    def __init__(self, stream: Any) -> None:
        self._writer = Writer(stream, chunk_size=1 << 20, compression=CompressionType.ZSTD, use_statistics=True)
        self._writer.start(library="uio2_robots")
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._key = secrets.token_bytes(32)
        # Requests whose reply has not come.
        self._waiting: list[tuple[str, bytes, int]] = []
        # To be added to a time of the robot's clock for the earliest that it can have been on the daemon's; ``None``: not
        # known.
        self._offset: int | None = None
        self._date = 0
        self._has_begun = False
        self._names: list[str] = []

    def write(self, kind: str, data: bytes, at: int) -> None:
        if kind not in ("reply", "operator"):
            self._waiting.append((kind, data, at))
            if len(self._waiting) >= _WAITING:
                self._begin(pb.Capabilities())
                self._record_waiting(None)
            return
        reply = pb.Reply.FromString(data)
        if reply.sent_at:
            offset = reply.sent_at - at
            self._offset = offset if self._offset is None else max(self._offset, offset)
        self._begin(reply.capabilities)
        self._record_waiting(reply.sent_at or None)
        self._record(kind, data, self._moment(at, reply.sent_at or None))

    def _record_waiting(self, replied_at: int | None) -> None:
        """Requests arrived before their reply left, and nobody here knows how long before.

        They get that time: an earlier one could contradict what later replies tell of the clocks.
        """
        for kind, data, at in self._waiting:
            self._record(kind, data, self._moment(at, replied_at))
        self._waiting.clear()

    def _moment(self, at: int, on_daemon: int | None) -> int:
        """Nanoseconds since 1970."""
        return self._date + (on_daemon if on_daemon is not None else at + (self._offset or 0))

    def _begin(self, found: pb.Capabilities) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        # Nanoseconds to add to a time of the daemon's clock for one since 1970.
        self._date = time.time_ns() - time.monotonic_ns() - (self._offset or 0)
        facts = {"format": "1", "recorded_by": "robot", "clock_offset_ns": str(max(0, self._date)), "operator": ""}
        policy = {"policy": found.policy_name, "policy_digest": found.policy_digest, "version": found.server_version}
        self._writer.add_metadata("uio2", facts | policy)

    def _record(self, kind: str, data: bytes, moment: int) -> None:
        if kind in ("losses", "episode"):
            self._add(f"/uio2/{kind}", "json", None, data, moment)
            return
        if kind == "request":
            request = pb.Request.FromString(data)
            request.session_token = self._veiled(request.session_token)
            self._add("/uio2/request", "protobuf", pb.Request, request.SerializeToString(), moment)
            self._show_request(request, moment)
            return
        reply = pb.Reply.FromString(data)
        if reply.WhichOneof("body") == "capabilities":
            self._names = [quantity.name for quantity in reply.capabilities.proprioception]
            reply.capabilities.session_token = self._veiled(reply.capabilities.session_token)
        topic = "/uio2/reply/operator" if kind == "operator" else "/uio2/reply"
        self._add(topic, "protobuf", pb.Reply, reply.SerializeToString(), moment)
        if reply.WhichOneof("body") == "error":
            self._log(4, f"{pb.ErrorCode.Name(reply.error.code)}: {reply.error.field}: {reply.error.message}", moment)

    def _show_request(self, request: pb.Request, moment: int) -> None:
        body = request.WhichOneof("body")
        if body != "observation":
            self._log(3 if body in ("stop", "resume") else 2, body or "", moment)
            return
        seen = request.observation
        for frame in seen.frames:
            if frame.encoding in _FORMATS:
                image = CompressedImage_pb2.CompressedImage(
                    data=frame.data, format=_FORMATS[frame.encoding], frame_id=frame.camera
                )
            else:
                size = {"width": frame.width, "height": frame.height, "step": 3 * frame.width}
                image = RawImage_pb2.RawImage(data=frame.data, encoding="rgb8", frame_id=frame.camera, **size)
            self._show(f"/robot/{frame.camera}", image, moment)
        states = JointStates_pb2.JointStates()
        for place, value in enumerate(seen.proprioception):
            states.joints.add(name=self._names[place] if place < len(self._names) else str(place), position=value)
        self._show("/robot/state", states, moment)

    def _log(self, level: int, message: str, moment: int) -> None:
        self._show("/log", Log_pb2.Log(level=level, message=message, name="robot"), moment)

    def _show(self, topic: str, message: Any, moment: int) -> None:
        message.timestamp.FromNanoseconds(max(0, moment))
        self._add(topic, "protobuf", type(message), message.SerializeToString(), moment)

    def _add(self, topic: str, encoding: str, kind: type[Message] | None, data: bytes, moment: int) -> None:
        if topic not in self._channels:
            schema = 0 if kind is None else self._schema(kind)
            self._channels[topic] = self._writer.register_channel(topic, encoding, schema)
        self._writer.add_message(self._channels[topic], max(0, moment), data, max(0, moment))

    def _schema(self, kind: type[Message]) -> int:
        name = kind.DESCRIPTOR.full_name
        if name not in self._schemas:
            files = FileDescriptorSet()
            _add_file(kind.DESCRIPTOR.file, files, set())
            self._schemas[name] = self._writer.register_schema(name, "protobuf", files.SerializeToString())
        return self._schemas[name]

    def _veiled(self, token: bytes) -> bytes:
        """Another token of the same length, always the same for the same one.

        Nobody can resume an arm by its recording.
        """
        veil = b"".join(hmac.digest(self._key, bytes([part]) + token, hashlib.sha256) for part in range(2))
        return veil[: len(token)]

    def lose(self, reason: str, messages: int) -> None:
        now = time.monotonic_ns()
        words = {"reason": reason, "messages": messages, "bytes": 0, "since_ns": now, "until_ns": now}
        self._begin(pb.Capabilities())
        self._record_waiting(None)
        self._record("losses", json.dumps(words).encode(), self._moment(now, None))

    def flush(self) -> None:
        self._writer.flush()

    def finish(self) -> None:
        self._begin(pb.Capabilities())
        self._record_waiting(None)
        self._writer.finish()


def _add_file(file: FileDescriptor, files: FileDescriptorSet, seen: set[str]) -> None:
    if file.name in seen:
        return
    seen.add(file.name)
    for dependency in file.dependencies:
        _add_file(dependency, files, seen)
    file.CopyToProto(files.file.add())
