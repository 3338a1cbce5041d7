"""``python -m uio2_robots.film FILE.mcap FILE.mp4``: a recording of an arm as a film of what its cameras saw."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mcap.reader import make_reader
from PIL import Image
from uio2_client import uio2_pb2 as pb
from uio2_envs.video import EpisodeVideo

_ANSWERS = ("/uio2/reply", "/uio2/reply/operator")


class NoFilm(Exception):
    """The recording shows nothing."""


def film(recording: Path, film: Path, rate: float | None = None) -> Path:
    """Writes a picture an observation, with who answered it.

    Args:
        rate: pictures a second; ``None``: as many as the recording has.

    Raises:
        NoFilm: the recording has no pictures.
    """
    looks = list(_looks(recording))
    if not looks:
        raise NoFilm(f"{recording} has no pictures")
    if rate is None:
        seconds = (looks[-1][0].captured_at - looks[0][0].captured_at) / 1e9
        rate = (len(looks) - 1) / seconds if seconds > 0 else 10.0
    video = EpisodeVideo(film, round(min(60.0, max(1.0, rate)), 2))
    for seen, answer in looks:
        frames = {frame.camera: _picture(frame) for frame in seen.frames}
        video.add(frames, f"{seen.instruction}  {answer}")
    return video.write()


def _looks(recording: Path) -> Iterator[tuple[pb.Observation, str]]:
    """The observations with pictures, and what came of each."""
    answers: dict[tuple[str, int], str] = {}
    requests: list[pb.Request] = []
    with recording.open("rb") as stream:
        for _, channel, message in make_reader(stream).iter_messages():
            if channel.topic == "/uio2/request":
                request = pb.Request.FromString(message.data)
                if request.WhichOneof("body") == "observation" and request.observation.frames:
                    requests.append(request)
            elif channel.topic in _ANSWERS:
                reply = pb.Reply.FromString(message.data)
                answers[reply.session_id, reply.request_id] = _words(reply, channel.topic)
    for request in requests:
        yield request.observation, answers.get((request.session_id, request.request_id), "no answer")


def _words(reply: pb.Reply, topic: str) -> str:
    if reply.WhichOneof("body") == "error":
        return f"holds: {pb.ErrorCode.Name(reply.error.code).removeprefix('ERROR_CODE_').lower()}"
    return "a person leads" if topic.endswith("operator") else ""


def _picture(frame: pb.CameraFrame) -> np.ndarray:
    if frame.encoding == pb.IMAGE_ENCODING_RGB8:
        return np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 3)
    return np.asarray(Image.open(io.BytesIO(frame.data)).convert("RGB"))


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(film(Path(sys.argv[1]), Path(sys.argv[2])))
    except (NoFilm, OSError) as error:
        print(error, file=sys.stderr)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main())
