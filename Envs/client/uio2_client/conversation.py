"""One request after the other, each with its answer: the half of a ``Client`` that a program does not see."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import uio2_pb2 as pb
from .agreed_policy import AgreedPolicy
from .checks import check_names, shown_value, usable_seconds
from .errors import ClientError, InvalidValue, Timeout
from .keys import ClientKey
from .messages import bounded, check_version, parse_reply, request_bytes
from .robot_clock import RobotClock
from .transport import Transport, weakly

_TOKEN_BYTES = 16


class Conversation:
    """A session, a connection that is made anew when it breaks, and what was agreed with the daemon.

    ``Client`` says what the arguments are.
    """

    def __init__(
        self,
        address: str,
        session: str | None,
        timeout: float,
        token: bytes,
        key: str | Path | ClientKey | None,
        server_key: str | Path | None,
        clock: Callable[[], int],
        observer: Callable[[str, bytes, int], None] | None,
    ) -> None:
        check_names(session, token)
        for argument, function in (("clock", clock), ("observer", observer)):
            if not callable(function) and (function is not None or argument == "clock"):
                raise InvalidValue(argument, f"expected a function, found {shown_value(function)}")
        self.timeout = timeout
        self._agreed = AgreedPolicy()
        self._connections = 0
        self._is_new_connection = True
        if key is not None and not isinstance(key, ClientKey):
            key = ClientKey.read(key, server_key)
        self._transport = Transport(address, weakly(self._note_disconnection), key)
        self.address = address
        self._session = session or f"robot-{secrets.token_hex(8)}"
        self._process = os.getpid()
        # Of its own choice, so that a greeting whose answer is lost locks it out of nothing.
        self._token = token or secrets.token_bytes(_TOKEN_BYTES)
        self._is_owner = False
        # Why the session is not this client's any more, although it was.
        self._loss: ClientError | None = None
        self._clock = RobotClock(clock)
        self._observer = observer
        self._request_id = secrets.randbits(32)
        self._maximum_message_bytes = 0  # not known before hello

    @property
    def session(self) -> str:
        """The session's name."""
        return self._session

    @property
    def timeout(self) -> float:
        """Seconds to wait for each answer, at most a day; a value that is none above 0 is refused."""
        return self._timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        usable = usable_seconds(seconds)
        if usable is None:
            raise InvalidValue("timeout", f"expected seconds above 0, found {shown_value(seconds)}")
        self._timeout = usable

    @property
    def token(self) -> bytes:
        """Proves that this client owns its session, from the first ``hello`` on. A secret: keep it to go on after a restart."""
        return self._token

    @property
    def is_owner(self) -> bool:
        """Whether the daemon has said, in answer to the last ``hello``, that the session is this client's; ``False`` before the first."""
        return self._is_owner

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
            raise InvalidValue("timeout", f"expected seconds above 0, found {shown_value(timeout)}")
        return seconds

    def _greet(self, agreed: AgreedPolicy, timeout: float | None, deadline: float) -> pb.Capabilities:
        """The answer to Hello; its token is kept."""

        def greeting() -> pb.Hello:
            return pb.Hello(client_name=agreed.name, client_version=agreed.version, sent_at=self._clock.now())

        found = self._ask("hello", greeting, "capabilities", timeout, deadline=deadline)
        self._is_owner = bool(found.session_token)
        self._token = found.session_token or self._token
        agreed.is_current = True
        self._connections += self._is_new_connection
        self._is_new_connection = False
        return found

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
            data = self._request(request_id, kind, body())
            # Nothing that a program or a daemon said keeps a stop back.
            leaves_at = None if kind == "stop" else self._clock.now()
            self._transport.send(data if kind == "stop" else bounded(data, self._maximum_message_bytes))
            leaves_at = self._clock.now() if leaves_at is None else leaves_at
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
            if kind == "stop":
                self._transport.linger()
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
            received_at = self._clock.now()
            reply = parse_reply(data)
            if self._observer is not None:
                self._observer("reply", data, received_at)
            self._clock.note(reply, received_at)
            # request_id 0 answers a request that the daemon could not read far enough to know its id.
            if reply.request_id in (request_id, 0):
                return reply
        raise Timeout(self.address, seconds)
