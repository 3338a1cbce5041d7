"""One session with a uio2 daemon."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from . import uio2_pb2 as pb
from .agreed_policy import AgreedPolicy
from .errors import ClientError, Disconnected, NotAdmitted, Timeout
from .keys import ClientKey
from .messages import (
    bounded,
    check_answer,
    check_names,
    check_version,
    fitted_reason,
    parse_reply,
    request_bytes,
    usable_seconds,
)
from .transport import Transport, weakly

_TOKEN_BYTES = 16
_LONGEST_ECHO = 60_000_000_000
"""Nanoseconds after which an echo says too little of this clock: the daemon counts 1 ms a second of it as age."""


class Client:
    """Asks, and waits for the answer. Not for use by several threads at once: give each its own client.

    After a ``Timeout`` or ``Disconnected`` the client has already thrown its socket away, so that no late answer can be
    taken for a fresh one; the next request connects anew.

    ``hello`` makes the client the owner of its session unless another one is (``is_owner``), and its answer is what robot and daemon
    agree upon. After each new connection the client says hello again by itself and compares. Once anything differs, every request that
    could move the robot raises ``policy_changed`` until the program calls ``hello`` again. So it raises ``not_owner`` once the session was
    given up, by this client or over the same connection by the operator.

    Args:
        address: ZeroMQ endpoint of the daemon, such as ``tcp://127.0.0.1:5555`` or ``ipc:///run/uio2.sock``.
        session: name of the session, 1…128 printable ASCII characters; a random one when left out. Any program that knows it
            can stop the robot, and only its owner can do more.
        timeout: seconds to wait for each answer.
        token: of a session that this program owned before, or the operator's; a new one of random bytes when left out.
        key: for a daemon with keys, this program's private file (``uio2 keys new``), or what ``ClientKey.read`` made of one. Everything is
            encrypted then, and only the daemon whose key it names is talked to.
        server_key: the daemon's public file, where the private one names none, or another.
        clock: the robot's monotonic clock in nanoseconds, of which ``captured_at`` is.
        observer: sees every message: ``request`` or ``reply``, its bytes, and the time on ``clock``. It must return at once.

    Raises:
        InvalidAddress: no client can connect to such an address.
        InvalidKey: a file of a key cannot be used, as when others may read it.
        ValueError: the session's name or the token cannot be sent.
    """

    def __init__(
        self,
        address: str,
        session: str | None = None,
        timeout: float = 5.0,
        *,
        token: bytes = b"",
        key: str | Path | ClientKey | None = None,
        server_key: str | Path | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        observer: Callable[[str, bytes, int], None] | None = None,
    ) -> None:
        check_names(session, token)
        seconds = usable_seconds(timeout)
        if seconds is None:
            raise ValueError(f"timeout: expected seconds above 0, found {timeout!r}")
        self._agreed = AgreedPolicy()
        self._connections = 0
        self._is_new_connection = True
        if key is not None and not isinstance(key, ClientKey):
            key = ClientKey.read(key, server_key)
        self._transport = Transport(address, weakly(self._note_disconnection), key)
        self.address = address
        self.session = session or f"robot-{secrets.token_hex(8)}"
        self.timeout = seconds
        self._process = os.getpid()
        # Of its own choice, so that a greeting whose answer is lost locks it out of nothing.
        self._token = token or secrets.token_bytes(_TOKEN_BYTES)
        self._is_owner = False
        # Why the session is not this client's any more, although it was.
        self._loss: ClientError | None = None
        self._clock = clock
        self._observer = observer
        self._echo: pb.ClockEcho | None = None
        self._request_id = secrets.randbits(32)
        self._maximum_message_bytes = 0  # not known before hello

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def token(self) -> bytes:
        """Proves that this client owns its session, from the first ``hello`` on. A secret: keep it to go on after a restart."""
        return self._token

    @property
    def is_owner(self) -> bool:
        """Whether the daemon has said, in answer to the last ``hello``, that the session is this client's; ``False`` before the first."""
        return self._is_owner

    def hello(self, name: str = "uio2-client", version: str = "0.1.0", timeout: float | None = None) -> pb.Capabilities:
        """Asks what the daemon drives (cameras, proprioception, actions, limits), and agrees upon it.

        A stranger is answered too: ``is_owner`` says whose the session is.

        It is asked again, within the same time, where the connection breaks meanwhile: a daemon may have been restarted just
        before, and this side not have noticed yet.
        """
        # Until the daemon answers, what was agreed before holds.
        agreed = AgreedPolicy(name, version)
        deadline = self._deadline(timeout)
        try:
            agreed.capabilities = self._greet(agreed, timeout, deadline)
        except NotAdmitted:
            raise
        except Disconnected:
            agreed.capabilities = self._greet(agreed, timeout, deadline)
        self._agreed = agreed
        self._loss = None
        self._maximum_message_bytes = agreed.capabilities.limits.maximum_message_bytes
        return agreed.capabilities

    def act(self, observation: pb.Observation, timeout: float | None = None) -> pb.ActionChunk:
        """Sends what the robot sees and returns what to do next.

        ``sent_at`` is filled in, at the moment when the message leaves, when it is 0; so is ``echo``. With a simulated clock, which
        only the robot knows, neither is.

        Raises:
            ClientError: among others ``late`` when the deadline of the actions has passed (with a simulated clock the robot looks at
                ``valid_until`` itself) and ``policy_changed`` when another policy than the one agreed upon answers.
        """
        if observation.clock == pb.ROBOT_CLOCK_SIMULATED and observation.sent_at < observation.captured_at:
            message = f"{observation.sent_at} lies before captured_at {observation.captured_at}; by a simulated clock the robot says when it leaves"
            raise ClientError("malformed", "observation.sent_at", message)
        is_echo_old, deadline = self._is_echo_old(observation), self._deadline(timeout)
        stamped = self._stamped(observation)
        try:
            chunk = self._ask_as_owner("observation", stamped, "action_chunk", timeout)
        except ClientError as error:
            # The refusal is the echo that was missing.
            if error.code != "stale_observation" or not is_echo_old:
                raise
            chunk = self._ask("observation", stamped, "action_chunk", timeout, deadline=deadline)
        check_answer(chunk, observation)
        self._agreed.check_digest(chunk.policy_digest)
        if observation.clock == pb.ROBOT_CLOCK_MONOTONIC:
            late = self._clock() - chunk.valid_until
            if late > 0:
                message = f"the actions came {late / 1e6:.1f} ms after their deadline; hold and look again"
                raise ClientError("late", "action_chunk.valid_until", message)
        return chunk

    def reset(self, timeout: float | None = None) -> bool:
        """Begins a new episode. A latched stop stays; returns whether one is latched."""
        return self._ask_as_owner("reset", pb.Reset, "acknowledgement", timeout).stopped

    def stop(self, reason: object = "", timeout: float | None = None) -> bool:
        """Latches a stop: the session gets no actions until ``resume``. Returns whether it is latched. Anyone may.

        Args:
            reason: for the daemon's log, a text, an exception or whatever else; of a long one the beginning is sent.
            timeout: seconds, instead of the client's own, which also stands in for one that is none.
        """
        timeout = None if timeout is None else usable_seconds(timeout)
        return self._ask("stop", lambda: pb.Stop(reason=fitted_reason(reason)), "acknowledgement", timeout).stopped

    def resume(self, timeout: float | None = None) -> bool:
        """Clears a latched stop; only the session's owner and the operator may. Returns whether one is still latched."""
        return self._ask_as_owner("resume", pb.Resume, "acknowledgement", timeout).stopped

    def resume_unknown_sessions(self, timeout: float | None = None) -> None:
        """Lets sessions that the daemon does not know begin unstopped again, after it had to forget stops. Only the operator may."""
        self._ask("resume", lambda: pb.Resume(unknown_sessions=True), "acknowledgement", timeout)

    def release(self, timeout: float | None = None) -> bool:
        """Gives the session up: the next that says hello owns it. For its owner, and for the operator where an owner has lost its token.

        From then on the owner is refused with ``not_owner`` until it says ``hello`` itself. Returns whether a stop is latched, which stays.
        """
        if self._is_owner:
            # Also where the answer is lost.
            message = "this client has given its session up; say hello again before anything else"
            self._loss = ClientError("not_owner", "session_id", message)
        stopped = self._ask("release", pb.Release, "acknowledgement", timeout).stopped
        self._is_owner = False
        return stopped

    def generate(
        self,
        prompt: str,
        images: list[pb.CameraFrame] | None = None,
        *,
        output: str = "text",
        audio: bytes = b"",
        box: tuple[float, float, float, float] | None = None,
        maximum_tokens: int = 0,
        temperature: float | None = None,
        top_k: int = 0,
        top_p: float = 0.0,
        seed: int = 0,
        beams: int = 1,
        guidance: float | None = None,
        negative_prompt: str = "",
        on_progress: Callable[[pb.Progress], bool | None] | None = None,
        progress_interval: float = 0.2,
        timeout: float | None = None,
    ) -> pb.Generation:
        """Runs the model on its own, without a robot.

        When no answer comes, or an exception (an interrupt, say) leaves ``on_progress``, the daemon is told to stop.

        Args:
            prompt: what the model reads; ``{box}`` in it names ``box``.
            images: the last one is the image, the ones before it are the image history.
            output: ``"text"``, ``"image"`` or ``"audio"``; the last two answer with ``media``, a PNG or WAV file.
            audio: a WAV, FLAC or OGG file.
            box: x1, y1, x2, y2 in pixels of the image.
            maximum_tokens: of text; 0 means the daemon's default.
            temperature: 0 means greedy; ``None`` means 0 for text, 1 for pictures and sounds.
            top_k: 0 means off.
            top_p: 1 means off; 0 means off for text, 0.9 for pictures and sounds.
            seed: of the sampling.
            beams: of text; more than 1 is beam search.
            guidance: how far a picture or a sound is pulled away from ``negative_prompt``; ``None`` means the release's.
            negative_prompt: empty means the release's.
            on_progress: called now and then with how far the answer is; ``False`` from it cancels, and what was said so far
                comes with the finish_reason ``"cancelled"``.
            progress_interval: seconds between two calls of it, at least 0.001.
            timeout: seconds without a word from the daemon, progress included; instead of the client's own.
        """
        request = pb.Generate(
            prompt=prompt,
            images=images or [],
            output=pb.Modality.Value(f"MODALITY_{output.upper()}"),
            audio=audio,
            box=None if box is None else pb.Box(minimum_x=box[0], minimum_y=box[1], maximum_x=box[2], maximum_y=box[3]),
            maximum_tokens=maximum_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            beams=beams,
            guidance=guidance,
            negative_prompt=negative_prompt,
            progress_interval=0 if on_progress is None else round(progress_interval * 1e9),
        )
        return self._ask("generate", lambda: request, "generation", timeout, on_progress)

    def cancel(self, request_id: int, timeout: float | None = None) -> None:
        """Ends a generation that another client of the same session asked for; that client's answer says what was said so far.
        Where the session has an owner, this client needs its token.

        Args:
            request_id: the other client's ``request_id``.
            timeout: seconds, instead of the client's own.
        """
        self._ask("cancel", lambda: pb.Cancel(request_id=request_id), "acknowledgement", timeout)

    @property
    def connections(self) -> int:
        """The number of connections over which a daemon has answered ``hello``, automatic greetings included."""
        return self._connections

    @property
    def request_id(self) -> int:
        """Of the last request."""
        return self._request_id

    def close(self) -> None:
        """Ends the connection; may be called twice. In a process that was forked from the client's it does nothing."""
        if os.getpid() == self._process:
            self._transport.close()

    def _note_disconnection(self) -> None:
        self._agreed.is_current = False
        self._is_new_connection = True

    def _check_process(self) -> None:
        """ZeroMQ's threads are not forked, and whoever asks them waits for ever."""
        if os.getpid() != self._process:
            message = "it belongs to the process that made it, and this one was forked from there; make a client of its own"
            raise ClientError("forked", "client", message)

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + self._seconds(timeout)

    def _seconds(self, timeout: float | None) -> float:
        if timeout is None:
            return self.timeout
        seconds = usable_seconds(timeout)
        if seconds is None:
            raise ClientError("malformed", "timeout", f"expected seconds above 0, found {timeout!r}")
        return seconds

    def _greet(self, agreed: AgreedPolicy, timeout: float | None, deadline: float) -> pb.Capabilities:
        """The answer to Hello; its token is kept."""

        def greeting() -> pb.Hello:
            return pb.Hello(client_name=agreed.name, client_version=agreed.version, sent_at=self._clock())

        found = self._ask("hello", greeting, "capabilities", timeout, deadline=deadline)
        self._is_owner = bool(found.session_token)
        self._token = found.session_token or self._token
        agreed.is_current = True
        self._connections += self._is_new_connection
        self._is_new_connection = False
        return found

    def _stamped(self, observation: pb.Observation) -> Callable[[], pb.Observation]:
        """Fills in what only the moment of departure can say."""
        fill_in = observation.sent_at == 0

        def stamp() -> pb.Observation:
            if observation.clock == pb.ROBOT_CLOCK_MONOTONIC:
                if fill_in:
                    observation.sent_at = self._clock()
                if self._echo is not None:
                    observation.echo.CopyFrom(self._echo)
            return observation

        return stamp

    def _is_echo_old(self, observation: pb.Observation) -> bool:
        """Whether the daemon knows too little of this clock to tell an observation's age, which any answer changes."""
        if observation.clock != pb.ROBOT_CLOCK_MONOTONIC or self._echo is None:
            return False
        return abs(self._clock() - self._echo.reply_received_at) > _LONGEST_ECHO

    def _ask_as_owner(self, kind: str, body: Callable[[], Any], expected: str, timeout: float | None):
        """As ``_ask``, for what only the session's owner may do: not before the daemon is known to be the one agreed with."""
        self._check_process()
        agreed, deadline = self._agreed, self._deadline(timeout)
        agreed.check()
        if self._loss is not None:
            raise ClientError(self._loss.code, self._loss.field, self._loss.message)
        self._transport.connect(deadline)
        if agreed.capabilities is not None and not agreed.is_current:
            agreed.compare(self._greet(agreed, timeout, deadline))
        try:
            return self._ask(kind, body, expected, timeout, deadline=deadline)
        except ClientError as error:
            # What its key does not permit says nothing of whose the session is.
            if error.code != "not_owner" or error.field == "key" or agreed.capabilities is None:
                raise
            if not self._transport.is_broken():
                # The same daemon: somebody wants this client not to own the session.
                if self._is_owner:
                    self._is_owner, self._loss = False, error
                raise
            # A daemon that was restarted knows no session, and this side had not noticed yet.
            self._transport.disconnect()
        agreed.compare(self._greet(agreed, timeout, deadline))
        return self._ask(kind, body, expected, timeout, deadline=deadline)

    def _ask(
        self,
        kind: str,
        body: Callable[[], Any],
        expected: str,
        timeout: float | None,
        on_progress=None,
        deadline: float | None = None,
    ):
        """Sends ``body`` as the request ``kind`` and returns the ``expected`` body of its final reply.

        ``body`` is made when there is a connection, right before it leaves.
        """
        self._check_process()
        seconds = self._seconds(timeout)
        deadline = self._deadline(timeout) if deadline is None else deadline
        self._request_id += 1
        request_id = self._request_id
        try:
            self._transport.connect(deadline)
            data = bounded(self._request(request_id, kind, body()), self._maximum_message_bytes)
            leaves_at = self._clock()
            self._transport.send(data)
            if self._observer is not None:
                self._observer("request", data, leaves_at)
            reply = self._receive(request_id, deadline, seconds)
            while reply.WhichOneof("body") == "progress":
                deadline = time.monotonic() + seconds
                if on_progress is not None and on_progress(reply.progress) is False:
                    self._transport.send(self._cancel(request_id))
                    on_progress = None
                reply = self._receive(request_id, deadline, seconds)
        except BaseException:
            if kind == "generate":
                # Nobody waits for it any more.
                self._transport.leave(self._cancel(request_id))
            # Whatever is still on its way belongs to a question that nobody asks any more.
            self._transport.disconnect()
            raise
        check_version(reply)
        found = reply.WhichOneof("body")
        if found == "error":
            raise ClientError.from_reply(reply.error)
        if found != expected:
            raise ClientError("malformed", "reply.body", f"expected {expected}, found {found}")
        return getattr(reply, expected)

    def _request(self, request_id: int, kind: str, body) -> bytes:
        return request_bytes(request_id, self.session, self._token, kind, body)

    def _cancel(self, request_id: int) -> bytes:
        # An id of its own, so that its acknowledgement is taken for nothing else.
        self._request_id += 1
        return self._request(self._request_id, "cancel", pb.Cancel(request_id=request_id))

    def _receive(self, request_id: int, deadline: float, seconds: float) -> pb.Reply:
        """The next reply to a request; replies to others are dropped."""
        while (data := self._transport.receive(deadline)) is not None:
            received_at = self._clock()
            reply = parse_reply(data)
            if self._observer is not None:
                self._observer("reply", data, received_at)
            if reply.sent_at:
                self._echo = pb.ClockEcho(reply_sent_at=reply.sent_at, reply_received_at=received_at)
            # request_id 0 answers a request that the daemon could not read far enough to know its id.
            if reply.request_id in (request_id, 0):
                return reply
        raise Timeout(self.address, seconds)
