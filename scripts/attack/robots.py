"""Honest robots in one process: each asks, waits for its answer, and asks again. Prints what they got as JSON."""

from __future__ import annotations

import argparse
import array
import collections
import io
import json
import math
import random
import time
from collections.abc import Callable

import zmq
from PIL import Image
from uio2_client import camera_frame, code_name, observation
from uio2_client import uio2_pb2 as pb

INSTRUCTION = "Push the drawer until it is closed."
PATIENCE = 2.0
"""Seconds after which a robot no longer waits for an answer, and asks again."""


def picture(seed: int, side: int = 128) -> bytes:
    """A JPEG that no other seed gives."""
    coarse = Image.frombytes("RGB", (16, 16), random.Random(seed).randbytes(16 * 16 * 3))
    file = io.BytesIO()
    coarse.resize((side, side)).save(file, "JPEG", quality=95)
    return file.getvalue()


def raw_frame(camera: pb.CameraSpecification, seed: int) -> pb.CameraFrame:
    """Noise without any compression: the most bytes that a frame can have."""
    data = random.Random(seed).randbytes(camera.width * camera.height * 3)
    return pb.CameraFrame(
        camera=camera.name, encoding=pb.IMAGE_ENCODING_RGB8, width=camera.width, height=camera.height, data=data
    )


class Camera:
    """A few frames of one robot's cameras, shown in turn, so that none looks frozen."""

    def __init__(self, seed: int, capabilities: pb.Capabilities, count: int = 6, is_raw: bool = False) -> None:
        self.moments = [
            [
                raw_frame(camera, seed * count + moment)
                if is_raw
                else camera_frame(camera.name, picture((seed * count + moment) * 8 + place, camera.width))
                for place, camera in enumerate(capabilities.cameras)
            ]
            for moment in range(count)
        ]

    def frames(self, step: int) -> list[pb.CameraFrame]:
        return self.moments[step % len(self.moments)]


def middle(capabilities: pb.Capabilities) -> list[float]:
    """Measured values in the middle of their ranges."""
    return [(quantity.minimum + quantity.maximum) / 2 for quantity in capabilities.proprioception]


def introduction() -> pb.Hello:
    return pb.Hello(client_name="attack", sent_at=time.monotonic_ns())


class Robot:
    """One session on a socket of its own."""

    def __init__(self, context: zmq.Context, address: str, name: str) -> None:
        self.name = name
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.connect(address)
        self.request_id = 0
        self.sequence = 0
        self.sent_at = 0.0
        self.is_waiting = False
        self.echo: pb.ClockEcho | None = None
        """Of the last reply, for the age of the next observation."""
        self.token: bytes | None = None
        """Of the session; ``None`` before the daemon has given one, or when another daemon is there now."""

    def request(self, **body: object) -> bytes:
        self.request_id += 1
        return pb.Request(
            protocol_version=2,
            request_id=self.request_id,
            session_id=self.name,
            session_token=self.token or b"",
            **body,
        ).SerializeToString()

    def send(self, **body: object) -> bool:
        try:
            self.socket.send(self.request(**body), zmq.NOBLOCK)
        except zmq.Again:
            return False
        self.sent_at = time.monotonic()
        self.is_waiting = True
        return True

    def hello(self, patience: float) -> pb.Capabilities:
        """Asks what the daemon drives, and waits for the answer; raises when there is none in time."""
        deadline = time.monotonic() + patience
        self.socket.setsockopt(zmq.SNDTIMEO, int(patience * 1000))
        try:
            self.socket.send(self.request(hello=introduction()))
        except zmq.Again:
            raise TimeoutError(f"{self.name}: no daemon within {patience:g} s") from None
        while self.socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            reply = self.take()
            if reply.WhichOneof("body") == "capabilities":
                self.token = reply.capabilities.session_token
                return reply.capabilities
        raise TimeoutError(f"{self.name}: no answer within {patience:g} s")

    def take(self, flags: int = 0) -> pb.Reply:
        """The next reply; raises ``zmq.Again`` when there is none."""
        data = self.socket.recv(flags)
        received_at = time.monotonic_ns()
        reply = pb.Reply.FromString(data)
        self.echo = pb.ClockEcho(reply_sent_at=reply.sent_at, reply_received_at=received_at)
        return reply

    def observe(self, frames: list[pb.CameraFrame], values: list[float]) -> bool:
        if self.token is None:
            return self.send(hello=introduction())
        self.sequence += 1
        body = observation(self.sequence, frames, values, INSTRUCTION)
        if self.echo is not None:
            body.echo.CopyFrom(self.echo)
        body.sent_at = time.monotonic_ns()
        return self.send(observation=body)


class Record:
    """What the robots got."""

    def __init__(self, robots: int, start: float) -> None:
        self.requests = 0
        self.replies = 0
        self.chunks = 0
        self.lost = 0
        self.errors: collections.Counter[str] = collections.Counter()
        self.times: array.array[float] = array.array("d")
        self.gaps = [0.0] * robots
        self.last = [start] * robots

    def chunk(self, robot: int, now: float, waited: float) -> None:
        self.chunks += 1
        self.times.append(waited)
        self.gap(robot, now)
        self.last[robot] = now

    def gap(self, robot: int, now: float) -> None:
        self.gaps[robot] = max(self.gaps[robot], now - self.last[robot])

    def summary(self, with_times: bool = False) -> dict[str, object]:
        """What came of it, with every answer's time if that is wanted."""
        times = sorted(self.times)

        def rank(share: float) -> float | None:
            return round(times[min(len(times) - 1, int(share * len(times)))] * 1000, 2) if times else None

        return {
            "requests": self.requests,
            "replies": self.replies,
            "chunks": self.chunks,
            "lost": self.lost,
            "errors": dict(self.errors),
            "median_ms": rank(0.5),
            "p99_ms": rank(0.99),
            "worst_ms": rank(1),
            "longest_gap_ms": round(max(self.gaps) * 1000, 1),
        } | ({"times_ms": [round(time * 1000, 3) for time in times]} if with_times else {})


def capabilities_of(context: zmq.Context, address: str, patience: float) -> pb.Capabilities:
    """What the daemon drives; raises when it does not say so in time."""
    robot = Robot(context, address, "asks-first")
    try:
        return robot.hello(patience)
    finally:
        robot.socket.close()


def fly(
    address: str,
    robots: int,
    rate: float,
    seconds: float,
    name: str = "robot",
    patience: float = 30,
    watch: Callable[[float], None] = lambda elapsed: None,
    with_times: bool = False,
) -> dict:
    """Flies ``robots`` for ``seconds``: at ``rate`` observations a second each, or as fast as they are answered (0).

    ``watch`` is called about once a second with the seconds since the start.
    """
    context = zmq.Context()
    capabilities = capabilities_of(context, address, patience)
    values = middle(capabilities)
    cameras = [Camera(index, capabilities) for index in range(robots)]
    team = [Robot(context, address, f"{name}-{index}") for index in range(robots)]
    for robot in team:
        robot.hello(patience)
    poller = zmq.Poller()
    places = {}
    for index, robot in enumerate(team):
        poller.register(robot.socket, zmq.POLLIN)
        places[robot.socket] = index
    start = time.monotonic()
    end = start + seconds
    due = [start + (index / robots) * (1 / rate if rate else 0.1) for index in range(robots)]
    record = Record(robots, start)
    seen = start
    while True:
        now = time.monotonic()
        if now - seen >= 1:
            seen = now
            watch(now - start)
        is_ending = now >= end
        if is_ending and (not any(robot.is_waiting for robot in team) or now > end + PATIENCE):
            break
        for index, robot in enumerate(team):
            if robot.is_waiting and now - robot.sent_at > PATIENCE:
                robot.is_waiting = False
                record.lost += 1
            if not robot.is_waiting and not is_ending and now >= due[index]:
                if robot.observe(cameras[index].frames(robot.sequence), values):
                    record.requests += 1
                    due[index] = max(due[index] + 1 / rate, now) if rate else now
                else:
                    due[index] = now + 0.02
        waits = [moment - now for robot, moment in zip(team, due, strict=True) if not robot.is_waiting]
        pause = 0.05 if is_ending or not waits else min(0.05, max(0.0, min(waits)))
        # Whole milliseconds, and no busy loop: the daemon computes on the same cores.
        for socket, _ in poller.poll(math.ceil(pause * 1000)):
            take(record, places[socket], team[places[socket]])
    now = time.monotonic()
    for index in range(robots):
        record.gap(index, min(now, end))
    context.destroy(linger=0)
    return record.summary(with_times) | {"seconds": round(seconds, 2), "robots": robots}


def take(record: Record, index: int, robot: Robot) -> None:
    """Counts every reply that has come to ``robot``."""
    while True:
        try:
            reply = robot.take(zmq.NOBLOCK)
        except zmq.Again:
            return
        now = time.monotonic()
        record.replies += 1
        if reply.request_id != robot.request_id or not robot.is_waiting:
            continue
        robot.is_waiting = False
        kind = reply.WhichOneof("body")
        if kind == "action_chunk":
            record.chunk(index, now, now - robot.sent_at)
        elif kind == "capabilities":
            robot.token = reply.capabilities.session_token
        else:
            code = code_name(reply.error.code)
            record.errors[code] += 1
            if code in ("not_owner", "shutting_down"):
                robot.token = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--robots", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0, help="observations a second of each; 0: as fast as answered")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--name", default="robot")
    parser.add_argument("--times", action="store_true", help="also the time of every answer")
    options = parser.parse_args()
    outcome = fly(
        options.address, options.robots, options.rate, options.seconds, options.name, with_times=options.times
    )
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
