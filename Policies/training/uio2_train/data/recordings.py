"""Recordings (docs/recording.md): the observations that were answered, as episodes of steps.

A file is read twice: once for what is in it, without pictures, and once for the pictures of the episodes that are
kept. So a day's recording needs no more memory than the episodes that run at the same time.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingError

CLIENT = Path(__file__).resolve().parents[4] / "Envs" / "client"
REQUEST, REPLY, EPISODE, LOSSES = "/uio2/request", "/uio2/reply", "/uio2/episode", "/uio2/losses"
OPERATOR = "/uio2/reply/operator"
"""Answers of a person in the place of the policy."""


def messages_of_the_wire() -> Any:
    """The module of the protocol's messages; raises ``TrainingError`` ``missing_package``."""
    if str(CLIENT) not in sys.path:
        sys.path.insert(0, str(CLIENT))
    try:
        from uio2_client import uio2_pb2
    except ImportError as error:
        message = f"recordings need it ({error}); install uio2-train[data,test] beside the repository's Envs/client"
        raise TrainingError("missing_package", "uio2_client", message) from error
    return uio2_pb2


@dataclass
class Step:
    """An observation that was answered with commands."""

    request: int
    """Its place among the requests of the file."""
    at: int
    """Nanoseconds since 1970, by the recording."""
    captured_at: int
    """Nanoseconds on the robot's clock."""
    instruction: str
    state: np.ndarray
    """float64 ``[s]``."""
    chunk: np.ndarray
    """float64 ``[L, a]``: the commands that followed."""
    resumed: bool = False
    """Whether somebody resumed the robot just before it."""
    stopped: bool = False
    """Whether somebody stopped the robot just after it."""
    driven: bool = False
    """Whether the commands are a person's and not the policy's."""


@dataclass
class RecordedEpisode:
    """What lies between two beginnings of a session, or of which the simulator said that it is an episode."""

    session: str
    capabilities: Any
    steps: list[Step] = field(default_factory=list)
    stops: list[dict[str, Any]] = field(default_factory=list)
    """``step`` and ``reason`` of each stop: it came after so many steps."""
    refused: int = 0
    """Observations without commands; they are left out."""
    mark: dict[str, Any] = field(default_factory=dict)
    """The simulator's mark of its end."""

    @property
    def success(self) -> bool | None:
        """Whether the task was solved; ``None``: the recording does not say."""
        return self.mark.get("success")


class RecordingScan:
    """What a recording holds, without its pictures.

    Args:
        path: an MCAP file of ``--record``, of a daemon, a rollout or an arm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        """Messages that the recording says are missing."""
        self.is_cut = False
        """Whether the file ends before its end."""
        self.episodes: list[RecordedEpisode] = []
        self._wire = messages_of_the_wire()
        self._open: dict[str, RecordedEpisode] = {}
        self._capabilities: dict[str, Any] = {}
        self._waiting: dict[tuple[str, int], tuple[int, int, Any]] = {}
        self._resumed: set[str] = set()
        self._asked: dict[tuple[str, int], str] = {}
        marks: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        count = 0
        for topic, at, data in self._messages():
            if topic == REQUEST:
                self._request(self._read(self._wire.Request, data), at, count)
                count += 1
            elif topic == REPLY:
                self._reply(self._read(self._wire.Reply, data))
            elif topic == OPERATOR:
                self._reply(self._read(self._wire.Reply, data), driven=True)
            elif topic == EPISODE:
                mark = self._json(data)
                marks.setdefault(str(mark.get("session")), []).append((at, mark))
            elif topic == LOSSES:
                self.lost += int(self._json(data).get("messages", 0))
        self.episodes = [episode for episode in self.episodes if episode.steps]
        for session, found in marks.items():
            self._mark([episode for episode in self.episodes if episode.session == session], found)

    def frames(self, wanted: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The camera frames of some requests, by camera, in the order of the file."""
        count = 0
        for topic, _, data in self._messages():
            if topic != REQUEST:
                continue
            if count in wanted:
                observation = self._read(self._wire.Request, data).observation
                yield count, {frame.camera: frame for frame in observation.frames}
            count += 1

    # The file

    def _messages(self) -> Iterator[tuple[str, int, bytes]]:
        """Topic, time and bytes of each message, up to the end or to where the file was cut."""
        try:
            from mcap.exceptions import McapError
            from mcap.records import Channel, Message
            from mcap.stream_reader import StreamReader
        except ImportError:
            message = "recordings need it; install uio2-train[data]"
            raise TrainingError("missing_package", "mcap", message) from None
        import struct

        topics: dict[int, str] = {}
        has_begun = False
        try:
            with self.path.open("rb") as stream:
                for record in StreamReader(stream).records:
                    has_begun = True
                    if isinstance(record, Channel):
                        topics[record.id] = record.topic
                    elif isinstance(record, Message):
                        yield topics.get(record.channel_id, ""), record.log_time, record.data
        except OSError as error:
            raise TrainingError("unreadable_file", str(self.path), f"cannot be read: {error.strerror}") from error
        except TrainingError:
            raise
        except (McapError, struct.error, ValueError, EOFError, RuntimeError) as error:
            if not has_begun:
                message = f"is no recording: {error or type(error).__name__}"
                raise TrainingError("unreadable_file", str(self.path), message) from error
            self.is_cut = True
        except Exception as error:
            # What the decompressor says of a chunk that is not whole has no common class.
            if type(error).__module__.partition(".")[0] not in ("zstandard", "zstd", "lz4"):
                raise
            self.is_cut = True

    def _read(self, kind: Any, data: bytes) -> Any:
        from google.protobuf.message import DecodeError

        try:
            return kind.FromString(data)
        except DecodeError as error:
            message = f"holds a message that is none of ours: {error}"
            raise TrainingError("unreadable_file", str(self.path), message) from error

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise TrainingError("unreadable_file", str(self.path), "holds a mark that is none of ours")
        return found

    # What the messages mean

    def _request(self, request: Any, at: int, number: int) -> None:
        session, body = request.session_id, request.WhichOneof("body")
        if body == "observation":
            observation = request.observation
            # Not the pictures: they are read when it is known which ones are wanted.
            kept = type(observation)(
                captured_at=observation.captured_at, proprioception=observation.proprioception,
                instruction=observation.instruction or " ".join(p.text for p in observation.prompt if p.text),
            )  # fmt: skip
            if any(part.WhichOneof("part") == "image" for part in observation.prompt):
                message = f"session {session} asks with pictures in the sentence, which LeRobot's datasets cannot hold"
                raise TrainingError("unsupported", str(self.path), message)
            self._waiting[session, request.request_id] = (number, at, kept)
        elif body in ("reset", "release", "resume"):
            # Not everybody may: the answer tells.
            self._asked[session, request.request_id] = body
        elif body == "stop":
            episode = self._open.get(session)
            if episode and episode.steps:
                episode.steps[-1].stopped = True
                episode.stops.append({"step": len(episode.steps), "reason": request.stop.reason})

    def _reply(self, reply: Any, driven: bool = False) -> None:
        session, body = reply.session_id, reply.WhichOneof("body")
        if body == "progress":
            return
        asked = self._asked.pop((session, reply.request_id), None)
        if asked is not None and body == "acknowledgement":
            if asked == "resume":
                self._resumed.add(session)
            else:
                self._end(session)
            return
        waiting = self._waiting.pop((session, reply.request_id), None)
        if body == "capabilities":
            known = self._capabilities.get(session)
            if known is not None and known.policy_digest != reply.capabilities.policy_digest:
                self._end(session)
            self._capabilities[session] = reply.capabilities
        if waiting is None:
            return
        if body == "action_chunk" and reply.action_chunk.actions:
            self._step(session, waiting, reply.action_chunk, driven)
        elif session in self._open:
            self._open[session].refused += 1

    def _step(self, session: str, waiting: tuple[int, int, Any], chunk: Any, driven: bool) -> None:
        capabilities = self._capabilities.get(session)
        if capabilities is None or not capabilities.actions:
            return  # The greeting lies before the recording's beginning: nobody knows what the numbers are.
        number, at, seen = waiting
        if session in self._open and self._open[session].steps[-1].instruction != seen.instruction:
            self._open.pop(session)  # Another sentence: an episode of LeRobot has one.
        if session not in self._open:
            self._open[session] = RecordedEpisode(session, capabilities)
            self.episodes.append(self._open[session])
        commands = np.array([action.values for action in chunk.actions], dtype=np.float64)
        state = np.array(seen.proprioception, dtype=np.float64)
        step = Step(number, at, seen.captured_at, seen.instruction, state, commands, session in self._resumed,
                    driven=driven)  # fmt: skip
        self._resumed.discard(session)
        self._open[session].steps.append(step)

    def _end(self, session: str) -> None:
        self._open.pop(session, None)
        self._resumed.discard(session)

    def stretches(self) -> list[RecordedEpisode]:
        """What persons drove: the parts of the episodes whose commands are theirs, each as an episode."""
        found = []
        for episode in self.episodes:
            for driven, steps in itertools.groupby(episode.steps, key=lambda step: step.driven):
                if driven:
                    found.append(replace(episode, steps=list(steps), stops=[], refused=0))
        return found

    @staticmethod
    def _mark(episodes: list[RecordedEpisode], marks: list[tuple[int, dict[str, Any]]]) -> None:
        """Gives each mark to what lies, by more than half of its time, between an episode's beginning and its end.

        A mark comes by another way than the messages, so that it may lie a little beside them. Of several parts, as
        after another sentence, the outcome is that of the last one.
        """
        began: int | None = None
        for at, mark in marks:
            if mark.get("event") == "began":
                began = at
            elif mark.get("event") in ("ended", "lost") and began is not None:
                parts = [episode for episode in episodes if _lies_within(episode, began, at)]
                for episode in parts:
                    episode.mark = mark if episode is parts[-1] else mark | {"success": None, "success_at_end": None}
                began = None


def _lies_within(episode: RecordedEpisode, began: int, ended: int) -> bool:
    first, last = episode.steps[0].at, episode.steps[-1].at
    return 2 * (min(ended, last) - max(began, first) + 1) > last - first + 1
