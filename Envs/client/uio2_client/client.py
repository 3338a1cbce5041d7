"""One session with a uio2 daemon."""

from __future__ import annotations

import secrets
import time
from types import TracebackType

import zmq
from google.protobuf.message import DecodeError
from zmq.utils.monitor import recv_monitor_message

from . import uio2_pb2 as pb
from .errors import ClientError, Disconnected, Timeout

PROTOCOL_VERSION = 1
_MILLISECONDS = 1000


class Client:
    """Asks, and waits for the answer. Not for use by several threads at once: give each its own client.

    After a ``Timeout`` or ``Disconnected`` the client has already thrown its socket away, so that no late answer can be
    taken for a fresh one; the next request connects anew.

    Args:
        address: ZeroMQ endpoint of the daemon, such as ``tcp://127.0.0.1:5555`` or ``ipc:///run/uio2.sock``.
        session: name of the session, 1…128 bytes; a random one when left out. Two clients of the same session share its
            episode and its stop, which is how a second program can stop a robot.
        timeout: seconds to wait for each answer.
    """

    def __init__(self, address: str, session: str | None = None, timeout: float = 5.0) -> None:
        if session is not None and not 1 <= len(session.encode()) <= 128:
            raise ValueError("a session's name takes 1 to 128 bytes")
        self.address = address
        self.session = session or f"robot-{secrets.token_hex(8)}"
        self.timeout = timeout
        self._context = zmq.Context()
        self._socket: zmq.Socket | None = None
        self._monitor: zmq.Socket | None = None
        self._request_id = secrets.randbits(32)
        self._closed = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self, name: str = "uio2-client", version: str = "0.1.0", timeout: float | None = None) -> pb.Capabilities:
        """Asks what the daemon drives: cameras, proprioception, actions, limits."""
        return self._ask("hello", pb.Hello(client_name=name, client_version=version), "capabilities", timeout)

    def act(self, observation: pb.Observation, timeout: float | None = None) -> pb.ActionChunk:
        """Sends what the robot sees and returns what to do next. ``sent_at`` is filled in when it is 0."""
        if observation.sent_at == 0:
            observation.sent_at = time.monotonic_ns()
        chunk = self._ask("observation", observation, "action_chunk", timeout)
        if chunk.observation_sequence != observation.sequence or chunk.captured_at != observation.captured_at:
            raise ClientError(
                "malformed", "action_chunk.observation_sequence", "the actions answer another observation than the last"
            )
        return chunk

    def reset(self, timeout: float | None = None) -> bool:
        """Begins a new episode. A latched stop stays; returns whether one is latched."""
        return self._ask("reset", pb.Reset(), "acknowledgement", timeout).stopped

    def stop(self, reason: str = "", timeout: float | None = None) -> bool:
        """Latches a stop: the session gets no actions until ``resume``. Returns whether it is latched."""
        return self._ask("stop", pb.Stop(reason=reason), "acknowledgement", timeout).stopped

    def resume(self, timeout: float | None = None) -> bool:
        """Clears a latched stop. Returns whether one is still latched."""
        return self._ask("resume", pb.Resume(), "acknowledgement", timeout).stopped

    def generate(
        self,
        prompt: str,
        images: list[pb.CameraFrame] | None = None,
        *,
        maximum_tokens: int = 0,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 0.0,
        seed: int = 0,
        timeout: float | None = None,
    ) -> pb.Generation:
        """Runs the model on its own, without a robot.

        Args:
            prompt: what the model reads.
            images: the last one is the image, the ones before it are the image history.
            maximum_tokens: 0 means the daemon's default.
            temperature: 0 means greedy.
            top_k: 0 means off.
            top_p: 0 or 1 means off.
            seed: of the sampling.
            timeout: seconds, instead of the client's own.
        """
        request = pb.Generate(
            prompt=prompt,
            images=images or [],
            maximum_tokens=maximum_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
        )
        return self._ask("generate", request, "generation", timeout)

    def close(self) -> None:
        """Ends the connection; may be called twice."""
        if not self._closed:
            self._closed = True
            self._disconnect()
            self._context.term()

    def _ask(self, kind: str, body, expected: str, timeout: float | None):
        """Sends ``body`` as the request ``kind`` and returns the ``expected`` body of its reply."""
        if self._closed:
            raise Disconnected(self.address, "the client is closed")
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        self._request_id += 1
        request = pb.Request(
            protocol_version=PROTOCOL_VERSION, request_id=self._request_id, session_id=self.session, **{kind: body}
        )
        try:
            self._send(request.SerializeToString(), deadline)
            reply = self._receive(deadline, seconds)
        except BaseException:
            # Whatever is still on its way belongs to a question that nobody asks any more.
            self._disconnect()
            raise
        if reply.protocol_version != PROTOCOL_VERSION:
            raise ClientError(
                "unsupported_version",
                "reply.protocol_version",
                f"the daemon speaks version {reply.protocol_version}, this client {PROTOCOL_VERSION}",
            )
        found = reply.WhichOneof("body")
        if found == "error":
            raise ClientError.from_reply(reply.error)
        if found != expected:
            raise ClientError("malformed", "reply.body", f"expected {expected}, found {found}")
        return getattr(reply, expected)

    def _send(self, data: bytes, deadline: float) -> None:
        socket = self._connect()
        # IMMEDIATE makes the socket writable only while a daemon is there, so nothing is queued for one that may come.
        if not socket.poll(_remaining(deadline), zmq.POLLOUT):
            raise Disconnected(self.address, "no daemon answers at this address")
        while self._monitor is not None and self._monitor.poll(0):
            recv_monitor_message(self._monitor)  # the daemon was restarted between two requests; that is no failure now
        socket.send(data, zmq.NOBLOCK)

    def _receive(self, deadline: float, seconds: float) -> pb.Reply:
        """The reply to the last request; replies to earlier ones are dropped."""
        assert self._socket is not None and self._monitor is not None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(_remaining(deadline)))
            if self._socket in ready:
                reply = _parse(self._socket.recv_multipart()[-1])
                # request_id 0 answers a request that the daemon could not read far enough to know its id.
                if reply.request_id in (self._request_id, 0):
                    return reply
            elif self._monitor in ready:
                recv_monitor_message(self._monitor)
                raise Disconnected(self.address, "the connection broke while an answer was awaited")
            else:
                raise Timeout(self.address, seconds)

    def _connect(self) -> zmq.Socket:
        if self._socket is None:
            socket = self._context.socket(zmq.DEALER)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.IMMEDIATE, 1)
            socket.setsockopt(zmq.RECONNECT_IVL, 50)
            self._socket = socket
            self._monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            try:
                socket.connect(self.address)
            except zmq.ZMQError as error:
                self._disconnect()
                raise Disconnected(self.address, f"not an address to connect to: {error}") from error
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.disable_monitor()
            if self._monitor is not None:
                self._monitor.close(linger=0)
            self._socket.close(linger=0)
            self._socket = self._monitor = None


def _remaining(deadline: float) -> int:
    """Milliseconds until ``deadline`` of the monotonic clock, at least 0."""
    return max(0, round((deadline - time.monotonic()) * _MILLISECONDS))


def _parse(data: bytes) -> pb.Reply:
    reply = pb.Reply()
    try:
        reply.ParseFromString(data)
    except DecodeError as error:
        raise ClientError("malformed", "reply", f"not a reply of this protocol: {error}") from error
    return reply
