"""The other end of a robot's conversation, where a person may answer in the place of the policy.

The person's answers are chunks like a policy's, so the loop, its latch and the robot's own limits hold for them alike.
In a recording they have a topic of their own, which is the mark of who led.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence

from uio2_client import Client, ClientError, Disconnected, Timeout
from uio2_client import uio2_pb2 as pb
from uio2_client.messages import PROTOCOL_VERSION

from .hand import Hand
from .inputs import InputFailure, Wish
from .person import Person

_VALID_NS = 300_000_000
"""For how long a person's answer is worth executing."""
NAME = "operator"

Observer = Callable[[str, bytes, int], None]
_HEED_SECONDS = 0.25
"""Between two looks whether a stop is latched at the daemon, while a person leads."""
_HEED_TIMEOUT = 0.5
"""Seconds to wait for that; a daemon that takes longer is not heard any more."""


class Relay:
    """Passes a client's messages on, but for those that nobody acts upon."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.is_muted = False

    def observe(self, kind: str, data: bytes, at: int) -> None:
        """As a client's observer."""
        if not self.is_muted:
            self._observer(kind, data, at)


class Operated:
    """A daemon, or nobody, and a person beside it; to the robot it is a daemon.

    Args:
        daemon: the policy's; ``None``: the person leads alone.
        alone: what the person drives where there is no daemon.
        person: who leads.
        hand: made of the capabilities, when they are known.
        session: the recording's name for this robot.
        observer: sees what the person is asked and answers, as a client's sees its messages.
        relay: the daemon's client's observer.
        log: told in a sentence what a person has to know.
        plan: answers in the place of the hand, ``[steps][actions]``: a program that demonstrates.
    """

    def __init__(
        self,
        daemon: Client | None,
        alone: pb.Capabilities | None,
        person: Person,
        hand: Callable[[pb.Capabilities], Hand],
        session: str,
        observer: Observer | None = None,
        plan: Callable[[], Sequence[Sequence[float]]] | None = None,
        relay: Relay | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._relay, self._log = relay, log
        self._heeded_at = float("-inf")
        self._is_stopped = self._is_deaf = False
        self._is_fresh = False
        self._daemon, self._alone = daemon, alone
        self._person = person
        self._make_hand = hand
        self._hand: Hand | None = None
        self._plan = plan
        self.session = session if daemon is None else daemon.session
        self._observer = observer
        self._lock = threading.Lock()
        # Far from a client's own numbers, which go up from 32 random bits.
        self._number = (1 << 40) + secrets.randbits(32)
        self._led = False
        self._last: list[float] | None = None
        self._digest = ""
        self.driven = 0
        """Answers of the person in this episode."""

    @property
    def address(self) -> str:
        """Of the daemon."""
        return "nobody" if self._daemon is None else self._daemon.address

    @property
    def connections(self) -> int:
        """As the client's."""
        return 0 if self._daemon is None else self._daemon.connections

    def hello(self, name: str = "uio2-teleop", version: str = "0", timeout: float | None = None) -> pb.Capabilities:
        """What is driven: the daemon's word, or that of the body itself."""
        if self._daemon is not None:
            found = self._daemon.hello(name, version, timeout)
        else:
            assert self._alone is not None
            found = self._alone
            request = pb.Request(hello=pb.Hello(client_name=name, client_version=version))
            self._tell("reply", request, pb.Reply(capabilities=found))
        self._hand = self._make_hand(found)
        self._digest = found.policy_digest
        return found

    def reset(self) -> bool:
        """Begins an episode. The device is opened now, after every question that was asked at the terminal."""
        self._person.start()
        self._led, self._last, self.driven = False, None, 0
        if self._daemon is not None:
            return self._daemon.reset()
        # On the way to a pose it is asked again and again.
        if self._is_fresh:
            return False
        self._is_fresh = True
        self._tell("reply", pb.Request(reset=pb.Reset()), pb.Reply(acknowledgement=pb.Acknowledgement()))
        return False

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        """The answer of whoever leads.

        Raises:
            ClientError: as the client's; ``stopped`` when the device is gone.
        """
        if self._daemon is not None and not self._person.leads:
            self._led = self._is_deaf = False
            chunk = self._daemon.act(observation)
            if chunk.actions:
                self._last = list(chunk.actions[-1].values)
            return chunk
        if self._daemon is not None:
            self._heed(self._daemon, observation)
        self._is_fresh = False
        chunk = pb.ActionChunk(
            observation_sequence=observation.sequence,
            captured_at=observation.captured_at,
            valid_until=observation.captured_at + _VALID_NS,
            actions=[pb.Action(values=values) for values in self._said(observation)],
            confidence=1.0,
            policy_digest=self._digest,
        )
        self.driven += 1
        self._last = list(chunk.actions[-1].values)
        self._tell("operator", pb.Request(observation=observation), pb.Reply(action_chunk=chunk))
        return chunk

    def _heed(self, daemon: Client, observation: pb.Observation) -> None:
        """Shows the policy what is going on, for when the robot is handed back, and heeds a stop at the daemon.

        Raises:
            ClientError: ``stopped``.
        """
        now = time.monotonic()
        if self._is_deaf or (now - self._heeded_at < _HEED_SECONDS and not self._is_stopped):
            return
        self._heeded_at = now
        shown = pb.Observation()
        shown.CopyFrom(observation)
        if self._relay is not None:
            self._relay.is_muted = True
        try:
            daemon.act(shown, timeout=_HEED_TIMEOUT)
            self._is_stopped = False
        except (Disconnected, Timeout):
            # A stop that was latched there stays in force here: nobody has resumed.
            if self._is_stopped:
                raise ClientError(
                    "stopped", "daemon", "a stop was latched at the daemon, which does not answer"
                ) from None
            self._is_deaf = True
            self._log("the daemon does not answer: the person leads without it, and a stop there is not heard")
        except ClientError as error:
            if error.code == "stopped":
                self._is_stopped = True
                raise
        finally:
            if self._relay is not None:
                self._relay.is_muted = False

    def _said(self, observation: pb.Observation) -> Sequence[Sequence[float]]:
        if self._plan is not None:
            return self._plan()
        hand = self._hand
        assert hand is not None, "hello comes first"
        if not self._led:
            self._led = True
            hand.begin(observation.proprioception, self._last)
        try:
            wish, words = self._person.wish()
        except InputFailure as failure:
            raise ClientError("stopped", failure.subject, failure.message) from failure
        hand.note(words)
        return hand.actions(wish if self._person.leads else Wish(), observation.proprioception)

    def _tell(self, kind: str, request: pb.Request, reply: pb.Reply) -> None:
        """Shows the observer a request and its answer, which no wire has carried."""
        if self._observer is None:
            return
        with self._lock:
            self._number += 1
            number = self._number
        for message in (request, reply):
            message.protocol_version, message.request_id, message.session_id = PROTOCOL_VERSION, number, self.session
        now = time.monotonic_ns()
        self._observer("request", request.SerializeToString(), now)
        self._observer(kind, reply.SerializeToString(), now)
