"""Cameras and an arm as processes of their own, which publish; a daemon with a ``topics://`` address puts them together.

    # camera.py                                              # arm.py
    with CameraPublisher("tcp://127.0.0.1:5561",             with ArmPublisher("tcp://127.0.0.1:5562", "joints") as arm, \\
                         "front") as camera:                      CommandFollower("tcp://127.0.0.1:5560") as commands:
        while True:                                              while True:
            camera.publish(take_picture())                           arm.publish(measure(), commands=commands)
                                                                     action = commands.next_action()
                                                                     hold() if action is None else move(action.values)
                                                                     wait_for_the_next_control_period()

Every message is two frames: a topic, which is the name of the source or of the session, and a message of ``uio2.v1``: a ``Request`` with an
observation of the one part that a source has, or a ``Reply``. All processes run on the daemon's machine and share its monotonic clock.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import zmq

from . import uio2_pb2 as pb
from .endpoint import Endpoint
from .errors import ClientError, code_name
from .messages import PROTOCOL_VERSION, camera_frame, check_names, observation, parse_reply, request_bytes

_WAITING = 2
"""Messages that wait for a reader that is slow: what is older is of no use."""
_REMEMBERED = 4096
"""Actions whose times are kept: as many as a chunk may have."""


class _Publisher:
    """A socket that publishes under one name, and counts.

    Args:
        address: where it listens, such as ``tcp://127.0.0.1:5561`` or ``ipc:///run/front``.
        name: as the daemon's file of wires has it.

    Raises:
        InvalidAddress: nobody can connect to such an address.
        ClientError: ``unavailable``; it cannot be had.
    """

    def __init__(self, address: str, name: str) -> None:
        check_names(name, b"")
        endpoint = Endpoint.parse(address)
        self.name = name
        # By it the daemon knows one process from another that has the same name.
        self._life = secrets.token_bytes(16)
        self._sequence = 0
        self._last = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, _WAITING)
        self._socket.setsockopt(zmq.IPV6, endpoint.kind == "ipv6")
        try:
            self._socket.bind(endpoint.connectable)
        except zmq.ZMQError as error:
            self.close()
            raise ClientError("unavailable", address, f"cannot publish here: {error}") from error

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the socket; may be called twice."""
        self._socket.close()
        self._context.term()

    def _send(self, seen: pb.Observation) -> None:
        # Two samples are never of one moment.
        self._last = seen.captured_at = max(seen.captured_at, self._last + 1)
        self._sequence += 1
        seen.sequence = self._sequence
        seen.sent_at = max(time.monotonic_ns(), seen.captured_at)
        data = request_bytes(self._sequence, self.name, self._life, "observation", seen)
        try:
            self._socket.send_multipart([self.name.encode("ascii"), data], zmq.NOBLOCK)
        except zmq.Again:
            pass  # Nobody reads, and nothing is kept for later.


class CameraPublisher(_Publisher):
    """Publishes the pictures of one camera."""

    def publish(self, picture: Any, captured_at: int | None = None) -> None:
        """Publishes a picture; never waits.

        Args:
            picture: as ``camera_frame`` takes it.
            captured_at: ns of ``time.monotonic_ns()`` when it was captured; now when left out.
        """
        self._send(observation(0, [camera_frame(self.name, picture)], [], "", captured_at=captured_at))


class ArmPublisher(_Publisher):
    """Publishes what an arm measures."""

    def publish(
        self,
        state: Sequence[float],
        instruction: str = "",
        *,
        commands: CommandFollower | None = None,
        captured_at: int | None = None,
    ) -> None:
        """Publishes a measurement; never waits.

        Args:
            state: order, units and ranges of the policy's proprioception.
            instruction: what the arm shall do; that of the daemon's file when left out.
            commands: what the arm follows, so that the daemon knows how far it is.
            captured_at: ns of ``time.monotonic_ns()`` when it was measured; now when left out.
        """
        consumed = 0 if commands is None else commands.consumed
        seen = observation(
            0, [], state, instruction, captured_at=captured_at, actions_consumed=consumed,
            skips_executed=commands is not None,
        )  # fmt: skip
        if commands is not None and commands.echo is not None:
            seen.echo.CopyFrom(commands.echo)
        self._send(seen)


class CommandFollower:
    """Follows the commands that a daemon publishes for an arm.

    A chunk takes over when it comes. Its first actions are for the moment at which the arm was measured: as many as were given out since
    then are left out, and the rest follows where the old chunk has led.

    It fails closed: an action is given out once, within its deadline, and only of the last chunk; whatever else the daemon says drops
    the rest.

    Args:
        address: of the daemon's commands, such as ``tcp://127.0.0.1:5560``.
        session: the arm's session.
    """

    def __init__(self, address: str, session: str = "arm") -> None:
        check_names(session, b"")
        endpoint = Endpoint.parse(address)
        self.address = address
        self.session = session
        self.reason = "no commands have come yet"
        """Why the last ``next_action`` had none; empty where it had one."""
        self.error: ClientError | None = None
        """What the daemon has said in place of commands, the last time; ``None`` since there are commands again."""
        self.consumed = 0
        """How many actions of the last chunk are executed or left out."""
        self.echo: pb.ClockEcho | None = None
        """The last commands that came."""
        self._chunk: pb.ActionChunk | None = None
        self._given: deque[int] = deque(maxlen=_REMEMBERED)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.IPV6, endpoint.kind == "ipv6")
        self._socket.setsockopt(zmq.SUBSCRIBE, session.encode("ascii"))
        self._socket.connect(endpoint.connectable)

    def __enter__(self) -> CommandFollower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the socket; may be called twice."""
        self._socket.close()
        self._context.term()

    def next_action(self) -> pb.Action | None:
        """The action of this control period; ``None``: hold still, ``reason`` says why. Never waits."""
        self._read()
        chunk, now = self._chunk, time.monotonic_ns()
        if chunk is None:
            return None
        if now > chunk.valid_until:
            self._drop("the commands are past their deadline, and no newer have come")
            return None
        if self.consumed >= len(chunk.actions):
            self._drop("all commands are executed, and no newer have come")
            return None
        self.consumed += 1
        self._given.append(now)
        self.reason = ""
        return chunk.actions[self.consumed - 1]

    def wait(self, seconds: float) -> bool:
        """Whether the daemon says something within a time."""
        return bool(self._socket.poll(max(0, round(seconds * 1000))))

    def _read(self) -> None:
        while True:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            # A subscription is to all topics that begin alike.
            if frames[0] == self.session.encode("ascii"):
                self._take(frames[-1])

    def _take(self, data: bytes) -> None:
        try:
            reply = parse_reply(data)
        except ClientError as error:
            self._refuse(error)
            return
        kind = reply.WhichOneof("body")
        if reply.protocol_version != PROTOCOL_VERSION or reply.session_id != self.session:
            self._refuse(ClientError("malformed", "reply", "it is not of this session, or of another protocol version"))
        elif kind == "action_chunk":
            self._chunk, self.error = reply.action_chunk, None
            since = sum(moment > self._chunk.captured_at for moment in self._given)
            self.consumed = min(since, len(self._chunk.actions))
            self.echo = pb.ClockEcho(reply_sent_at=reply.sent_at, reply_received_at=time.monotonic_ns())
        elif kind == "error":
            self._refuse(ClientError(code_name(reply.error.code), reply.error.field, reply.error.message))
        elif kind == "acknowledgement" and not reply.acknowledgement.stopped:
            self._drop("the arm begins anew")
        else:
            self._refuse(ClientError("stopped", "session_id", "the arm is stopped; resume it on purpose"))

    def _refuse(self, error: ClientError) -> None:
        self.error = error
        self._drop(str(error))

    def _drop(self, reason: str) -> None:
        if self._chunk is not None:
            self.consumed = len(self._chunk.actions)
        self._chunk = None
        self.reason = reason
