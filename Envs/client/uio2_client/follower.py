"""What moves an arm whose cameras and joints publish on their own: the commands that a daemon publishes."""

from __future__ import annotations

import math
import time
from collections import deque

import zmq

from . import uio2_pb2 as pb
from .checks import check_name
from .endpoint import Endpoint
from .errors import ClientError, code_name
from .messages import PROTOCOL_VERSION, parse_reply

_REMEMBERED = 4096
"""Actions whose times are kept, and actions that a chunk may have."""
_MESSAGE_BYTES = 4 << 20
"""Of what a daemon publishes: as many as the longest chunk has, and more."""
_MESSAGES = 64
"""Read in one call at most, and kept for a reader that is slow."""


class CommandFollower:
    """Follows the commands that a daemon publishes for an arm.

    A chunk takes over when it comes. Its first actions are for the moment at which the arm was measured: as many as were given out since
    then are left out, and the rest follows where the old chunk has led.

    It fails closed: an action is given out once, within its deadline, and only of the newest chunk; whatever else the daemon says drops
    the rest. A stop is kept, whatever becomes of the daemon: one that was started again is told of it by ``ArmPublisher.publish``, and only
    a person who resumes the session there lifts it. Another policy than before moves nothing until ``accept_policy`` is called.

    Args:
        address: of the daemon's commands, such as ``tcp://127.0.0.1:5560``.
        session: the arm's session.
        policy_digest: of the policy that shall drive the arm, as ``Client.hello`` tells it; that of the first chunk when left out.
    """

    def __init__(self, address: str, session: str = "arm", policy_digest: str = "") -> None:
        check_name(session, "session")
        endpoint = Endpoint.parse(address)
        self.address = address
        self.session = session
        self.policy_digest = policy_digest
        """Of the policy whose commands are followed; empty before the first."""
        self.reason = "no commands have come yet"
        """Why the last ``next_action`` had none; empty where it had one."""
        self.error: ClientError | None = None
        """What the daemon has said in place of commands, the last time; ``None`` since there are commands again."""
        self.is_stopped = False
        """Whether the arm is stopped, by this daemon or by one before it."""
        self.echo: pb.ClockEcho | None = None
        """The last commands that came."""
        self._is_confirmed = False
        self._life = 0
        self._newest = 0
        self._values = 0
        self._other_policy: ClientError | None = None
        # The last chunk, and whether what is left of it may still be given out.
        self._chunk: pb.ActionChunk | None = None
        self._is_valid = False
        self._given: deque[int] = deque(maxlen=_REMEMBERED)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        for option, value in (
            (zmq.LINGER, 0), (zmq.RECONNECT_IVL, 50), (zmq.RCVHWM, _MESSAGES), (zmq.MAXMSGSIZE, _MESSAGE_BYTES),
            (zmq.IPV6, endpoint.kind == "ipv6"), (zmq.SUBSCRIBE, session.encode("ascii")),
        ):  # fmt: skip
            self._socket.setsockopt(option, value)
        self._socket.connect(endpoint.connectable)

    def __enter__(self) -> CommandFollower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the socket; may be called twice."""
        self._socket.close()
        self._context.term()

    @property
    def consumed(self) -> int:
        """How many actions of the last chunk are executed or left out."""
        return self.consumed_at(time.monotonic_ns())

    def consumed_at(self, moment: int) -> int:
        """How many actions of the last chunk were executed or left out by a moment.

        Args:
            moment: ns of ``time.monotonic_ns()``.
        """
        chunk = self._chunk
        if chunk is None:
            return 0
        return min(sum(chunk.captured_at < given <= moment for given in self._given), len(chunk.actions))

    @property
    def stop_to_tell(self) -> str | None:
        """Why the arm is stopped, where the daemon that answers now has not said yet that it knows; ``None`` otherwise."""
        return (self.reason or "the arm is stopped") if self.is_stopped and not self._is_confirmed else None

    def accept_policy(self) -> None:
        """Follows whatever policy answers from now on, after somebody has looked at what it is."""
        self.policy_digest, self._other_policy, self._values = "", None, 0

    def next_action(self) -> pb.Action | None:
        """The action of this control period; ``None``: hold still, ``reason`` says why. Never waits."""
        self._read()
        chunk, now = self._chunk, time.monotonic_ns()
        if chunk is None or not self._is_valid:
            return None
        if now > chunk.valid_until:
            self._drop("the commands are past their deadline, and no newer have come")
            return None
        place = self.consumed_at(now)
        if place >= len(chunk.actions):
            self._drop("all commands are executed, and no newer have come")
            return None
        self._given.append(now)
        self.reason = ""
        return chunk.actions[place]

    def wait(self, seconds: float) -> bool:
        """Whether the daemon says something within a time."""
        return bool(self._socket.poll(max(0, round(seconds * 1000))))

    def _read(self) -> None:
        for _ in range(_MESSAGES):
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
        if reply.protocol_version != PROTOCOL_VERSION or reply.session_id != self.session:
            self._refuse(ClientError("malformed", "reply", "it is not of this session, or of another protocol version"))
            return
        self._meet(reply.request_id >> 32)
        kind = reply.WhichOneof("body")
        if kind == "action_chunk":
            self._take_chunk(reply)
        elif kind == "error":
            error = ClientError(code_name(reply.error.code), reply.error.field, reply.error.message)
            if error.code == "stopped":
                self._stop(error)
            else:
                self._refuse(error)
        elif kind == "acknowledgement" and not reply.acknowledgement.stopped:
            # A daemon that was started again lets go of an arm that it does not know to be stopped.
            if self._is_confirmed or not self.is_stopped:
                self.is_stopped = self._is_confirmed = False
                self._drop("the arm begins anew")
        else:
            self._stop(ClientError("stopped", "session_id", "the arm is stopped; resume it on purpose"))

    def _meet(self, life: int) -> None:
        """Tells one daemon process from another: its numbers and its clock are its own."""
        if life == self._life:
            return
        if self._life and not self.is_stopped:
            self._drop("the daemon was started again")
        self._life, self._newest, self.echo, self._is_confirmed, self._is_valid = life, 0, None, False, False

    def _take_chunk(self, reply: pb.Reply) -> None:
        chunk = reply.action_chunk
        # Of a daemon that knows of the stop: somebody has resumed the session. What is no newer voids nothing.
        is_lifted = self._is_confirmed or not self.is_stopped
        is_newer = self._chunk is None or chunk.captured_at >= self._chunk.captured_at
        if not is_lifted or not is_newer or reply.request_id <= self._newest:
            return
        self._newest, self.is_stopped, self._is_confirmed = reply.request_id, False, False
        if chunk.policy_digest != self.policy_digest and self.policy_digest and self._other_policy is None:
            message = f"policy {chunk.policy_digest} answers in place of {self.policy_digest}; look at it, then accept_policy()"
            self._other_policy = ClientError("policy_changed", "action_chunk.policy_digest", message)
        if self._other_policy is not None:
            self._refuse(self._other_policy)
            return
        fault = self._fault(chunk)
        if fault is not None:
            self._refuse(ClientError("malformed", "action_chunk", fault))
            return
        self.policy_digest = chunk.policy_digest
        self._values = len(chunk.actions[0].values)
        self._chunk, self._is_valid, self.error = chunk, True, None
        while self._given and self._given[0] <= chunk.captured_at:
            self._given.popleft()
        self.echo = pb.ClockEcho(reply_sent_at=reply.sent_at, reply_received_at=time.monotonic_ns())

    def _fault(self, chunk: pb.ActionChunk) -> str | None:
        """Why no arm can execute a chunk; ``None``: it can."""
        if not 1 <= len(chunk.actions) <= _REMEMBERED:
            return f"expected 1 to {_REMEMBERED} actions, found {len(chunk.actions)}"
        expected = self._values or len(chunk.actions[0].values)
        for action in chunk.actions:
            if not action.values or len(action.values) != expected:
                return f"expected {expected or 'some'} values in each action, found {len(action.values)}"
            if not all(math.isfinite(value) for value in action.values):
                return "an action has a value that is not finite"
        return None

    def _stop(self, error: ClientError) -> None:
        self.is_stopped = self._is_confirmed = True
        self._refuse(error)

    def _refuse(self, error: ClientError) -> None:
        self.error = error
        self._drop(str(error))

    def _drop(self, reason: str) -> None:
        self._is_valid = False
        self.reason = reason
