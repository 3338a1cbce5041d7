"""One session with a uio2 daemon."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from . import uio2_pb2 as pb
from .agreed_policy import AgreedPolicy
from .checks import check_text, made, shown_value, usable_seconds
from .conversation import Conversation
from .errors import ClientError, Disconnected, InvalidValue, NotAdmitted
from .keys import ClientKey
from .messages import check_answer, fitted_reason
from .questions import question


class Client(Conversation):
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
        InvalidValue: the session's name, the token, the time-out or another argument cannot be used.
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
        super().__init__(address, session, timeout, token, key, server_key, clock, observer)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self, name: str = "uio2-client", version: str = "0.1.0", timeout: float | None = None) -> pb.Capabilities:
        """Asks what the daemon drives (cameras, proprioception, actions, limits), and agrees upon it.

        A stranger is answered too: ``is_owner`` says whose the session is.

        It is asked again, within the same time, where the connection breaks meanwhile: a daemon may have been restarted just
        before, and this side not have noticed yet.
        """
        check_text(made(pb.Hello, "hello", client_name=name, client_version=version), "hello")
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
        if not isinstance(observation, pb.Observation):
            raise InvalidValue("observation", f"expected what observation(…) makes, found {shown_value(observation)}")
        check_text(observation, "observation")
        if observation.clock == pb.ROBOT_CLOCK_SIMULATED and observation.sent_at < observation.captured_at:
            message = f"{observation.sent_at} lies before captured_at {observation.captured_at}; by a simulated clock the robot says when it leaves"
            raise ClientError("malformed", "observation.sent_at", message)
        is_echo_old, deadline = self._clock.is_echo_old(observation), self._deadline(timeout)
        stamped = self._clock.stamped(observation)
        try:
            chunk = self._ask_as_owner("observation", stamped, "action_chunk", timeout)
        except ClientError as error:
            # The refusal is the echo that was missing. It is none where the clock has jumped: nobody knows how old this observation is.
            if (error.code, error.field) != ("stale_observation", "observation.echo") or not is_echo_old:
                raise
            chunk = self._ask("observation", stamped, "action_chunk", timeout, deadline=deadline)
        check_answer(chunk, observation)
        self._agreed.check_digest(chunk.policy_digest)
        if observation.clock == pb.ROBOT_CLOCK_MONOTONIC:
            late = self._clock.now() - chunk.valid_until
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
        self._check_process()
        self._seconds(timeout)
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
        request = question(
            prompt=prompt,
            images=images,
            output=output,
            audio=audio,
            box=box,
            maximum_tokens=maximum_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            beams=beams,
            guidance=guidance,
            negative_prompt=negative_prompt,
            on_progress=on_progress,
            progress_interval=progress_interval,
        )
        return self._ask("generate", lambda: request, "generation", timeout, on_progress)

    def cancel(self, request_id: int, timeout: float | None = None) -> None:
        """Ends a generation that another client of the same session asked for; that client's answer says what was said so far.
        Where the session has an owner, this client needs its token.

        Args:
            request_id: the other client's ``request_id``.
            timeout: seconds, instead of the client's own.
        """
        request = made(pb.Cancel, "cancel", request_id=request_id)
        self._ask("cancel", lambda: request, "acknowledgement", timeout)
