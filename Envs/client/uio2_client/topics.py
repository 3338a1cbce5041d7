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
from collections.abc import Sequence
from typing import Any

import zmq

from . import uio2_pb2 as pb
from .checks import check_name, check_text, nanoseconds
from .endpoint import Endpoint
from .errors import ClientError, InvalidValue
from .follower import CommandFollower
from .messages import camera_frame, observation, request_bytes
from .socket_file import SocketFile

_WAITING = 2
"""Messages that wait for a reader that is slow: what is older is of no use."""


class _Publisher:
    """A socket that publishes under one name, and counts.

    Args:
        address: where it listens, such as ``tcp://127.0.0.1:5561`` or ``ipc:///run/front``.
        name: as the daemon's file of wires has it.

    Raises:
        InvalidAddress: nobody can connect to such an address.
        InvalidValue: the name cannot be sent.
        ClientError: ``unavailable``; it cannot be had, because somebody else publishes there or a file there is no socket.
    """

    def __init__(self, address: str, name: str) -> None:
        check_name(name, "source")
        endpoint = Endpoint.parse(address)
        self.name = name
        # By it the daemon knows one process from another that has the same name.
        self._life = secrets.token_bytes(16)
        self._sequence = 0
        self._last = 0
        self._file = SocketFile(address) if endpoint.kind == "ipc" else None
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
        if self._file is not None:
            self._file.bound()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the socket; may be called twice."""
        self._socket.close()
        self._context.term()
        if self._file is not None:
            self._file.release()

    def _captured(self, moment: int | None) -> int:
        """When a sample was captured, if it can be one of this source's.

        Raises:
            InvalidValue: it lies ahead, or before the last one.
        """
        now = time.monotonic_ns()
        # Two samples are never of one moment.
        captured = max(now, self._last + 1) if moment is None else nanoseconds(moment, "observation.captured_at")
        if moment is not None and captured > now:
            message = f"expected ns of time.monotonic_ns() when it was captured, found {captured - now} ns ahead of now"
            raise InvalidValue("observation.captured_at", message)
        if captured <= self._last:
            message = f"expected a moment after that of the last sample, {self._last}, found {captured}"
            raise InvalidValue("observation.captured_at", message)
        return captured

    def _send(self, seen: pb.Observation) -> None:
        check_text(seen, "observation")
        self._last = seen.captured_at
        self._sequence += 1
        seen.sequence = self._sequence
        seen.sent_at = max(time.monotonic_ns(), seen.captured_at)
        self._publish("observation", seen)

    def _publish(self, kind: str, body: pb.Observation | pb.Stop) -> None:
        data = request_bytes(self._sequence, self.name, self._life, kind, body)
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

        Raises:
            InvalidValue: it is no picture, or it was captured in the future or before the last one.
        """
        captured = self._captured(captured_at)
        self._send(observation(0, [camera_frame(self.name, picture)], [], "", captured_at=captured))


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
            commands: what the arm follows, so that the daemon knows how far it is, and that it is stopped.
            captured_at: ns of ``time.monotonic_ns()`` when it was measured; now when left out.

        Raises:
            InvalidValue: a value cannot be sent, or it was measured in the future or before the last one.
        """
        captured = self._captured(captured_at)
        consumed = 0 if commands is None else commands.consumed_at(captured)
        seen = observation(
            0, [], state, instruction, captured_at=captured, actions_consumed=consumed,
            skips_executed=commands is not None,
        )  # fmt: skip
        if commands is not None and commands.echo is not None:
            seen.echo.CopyFrom(commands.echo)
        self._send(seen)
        # A daemon that was started again knows of no stop.
        if commands is not None and (reason := commands.stop_to_tell) is not None:
            self._publish("stop", pb.Stop(reason=reason[:256]))
