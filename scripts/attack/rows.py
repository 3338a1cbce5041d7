"""What is done to a daemon, one function a row of the table. Each is bounded in time and in what it sends.

A row gets a daemon that serves, and how many seconds it may take; it returns a sentence about what it sent, or raises
``NotHeld``.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Callable, Iterator

import bombs
import zmq
from daemon import HERE, Daemon
from peer import RawPeer, frame, header
from robots import Camera, Robot, middle
from uio2_client import observation
from uio2_client import uio2_pb2 as pb

MOST_CONNECTIONS = 256
"""Of one origin; docs/reliability.md."""


class NotHeld(Exception):
    """What a row is about did not hold; the text says what was found."""


UNSEEDED = 1_804_289_383
"""What rand() gives first when nobody has seeded it; libzmq counts the names of its peers from it."""


@contextlib.contextmanager
def dealer(daemon: Daemon) -> Iterator[zmq.Socket]:
    """A client's socket, which waits 5 s at most."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    for option in (zmq.SNDTIMEO, zmq.RCVTIMEO):
        socket.setsockopt(option, 5_000)
    socket.connect(daemon.address)
    try:
        yield socket
    finally:
        context.destroy(linger=0)


def request(number: int, session: str, token: bytes = b"", **body: object) -> bytes:
    return pb.Request(
        protocol_version=2, request_id=number, session_id=session, session_token=token, **body
    ).SerializeToString()


def introduce(socket: zmq.Socket, session: str) -> bytes:
    """Says hello; returns the session's token."""
    socket.send(request(1, session, hello=pb.Hello(client_name="attack")))
    return pb.Reply.FromString(socket.recv()).capabilities.session_token


def frame_set(daemon: Daemon, seed: int) -> list[pb.CameraFrame]:
    return Camera(seed, daemon.capabilities, count=1).frames(0)


def sample(daemon: Daemon, sequence: int = 1) -> pb.Observation:
    body = observation(
        sequence, frame_set(daemon, 77), middle(daemon.capabilities), "Push the drawer until it is closed."
    )
    body.sent_at = body.captured_at
    return body


def fuzz(daemon: Daemon, seconds: float) -> str:
    """Good messages with some bytes changed, and bytes that never were a message."""
    generator = random.Random(1)
    question = pb.Generate(prompt="cup", maximum_tokens=1)
    bodies: list[dict[str, object]] = [
        {"hello": pb.Hello(client_name="fuzz")},
        {"observation": sample(daemon)},
        {"reset": pb.Reset()},
        {"stop": pb.Stop(reason="fuzz")},
        {"resume": pb.Resume()},
        {"generate": question},
        {"cancel": pb.Cancel(request_id=1)},
    ]
    sent = final = waiting = 0
    end = time.monotonic() + seconds

    def take() -> bool:
        nonlocal final, waiting
        if pb.Reply.FromString(socket.recv()).WhichOneof("body") != "progress":
            final += 1
            waiting -= 1
        return waiting > 0

    with dealer(daemon) as socket:
        token = introduce(socket, "fuzz")
        good = [request(number, "fuzz", token, **body) for number, body in enumerate(bodies)]
        while time.monotonic() < end and sent < 100_000:
            data = bytearray(generator.choice(good))
            for _ in range(generator.randint(1, 4)):
                # Most of a message is pictures; what matters stands before them.
                place = generator.randrange(min(len(data), 400) if generator.random() < 0.8 else len(data))
                data[place] = generator.randrange(256)
            socket.send(generator.randbytes(generator.randrange(300)) if generator.random() < 0.2 else bytes(data))
            sent += 1
            waiting += 1
            while waiting >= 32 and take():
                pass
        with contextlib.suppress(zmq.Again):
            while waiting > 0:
                take()
    return f"{sent} messages, {final} final replies"


def names(daemon: Daemon, seconds: float) -> str:
    """Peers that call themselves what libzmq would call the next one without a name, or what another one is called."""
    end = time.monotonic() + seconds
    message = frame(request(1, "names", hello=pb.Hello(client_name="names")))
    peers: list[RawPeer] = []
    sent = 0
    with contextlib.suppress(OSError):
        for offset in range(60):
            peers.append(RawPeer(daemon.address))
            peers[-1].shake_hands(b"\0" + ((UNSEEDED + offset) % 2**32).to_bytes(4, "big"))
            peers[-1].send(message)
            sent += 1
        while time.monotonic() < end and sent < 2_000:
            peer = RawPeer(daemon.address)
            peer.shake_hands(b"arm" if sent % 3 == 0 else b"")
            peer.send(message)
            sent += 1
            peers.append(peer)
            if len(peers) > 150:
                peers.pop(60).close()
    for peer in peers:
        peer.close()
    return f"{sent} connections, a third of them under one name"


def resets(daemon: Daemon, seconds: float) -> str:
    """Clients that reset their connections with requests under way, or in the middle of the handshake."""
    hello = frame(request(1, "resets", hello=pb.Hello(client_name="resets")))
    observe = frame(request(2, "resets", observation=sample(daemon)))
    generator = random.Random(2)
    # The timers that once ended the process came two seconds later.
    end = time.monotonic() + max(1.0, seconds - 3)
    count = 0
    while time.monotonic() < end and count < 3_000:
        count += 1
        with contextlib.suppress(OSError):
            peer = RawPeer(daemon.address)
            kind = generator.randrange(5)
            if kind == 0:
                peer.send(generator.randbytes(generator.randrange(1, 80)))
            elif kind > 1:
                peer.shake_hands()
                peer.send(hello * 60 if kind < 4 else observe * 20 + hello * 40)
            peer.reset()
    time.sleep(3)
    return f"{count} connections"


def endless(daemon: Daemon, seconds: float) -> str:
    """One message that has always one more frame."""
    return f"{pour(daemon, time.monotonic() + seconds) >> 20} MiB of empty frames"


def pour(daemon: Daemon, end: float) -> int:
    """Sends empty frames of one message until the connection breaks; how many bytes were sent."""
    block = b"\x01\x00" * (1 << 16)
    sent = 0
    with contextlib.suppress(OSError):
        peer = RawPeer(daemon.address)
        peer.shake_hands()
        while time.monotonic() < end and sent < 80 << 20:
            peer.send(block)
            sent += len(block)
    return sent


def warm_up(daemon: Daemon, seconds: float) -> str:
    """The same from the first moment at which anybody can connect, before the policy is warm."""
    end = time.monotonic() + seconds
    sent = 0
    while time.monotonic() < end and not daemon.exits:
        # The address is bound when the policy has been loaded.
        sent += pour(daemon, end)
        time.sleep(0.001)
    return f"{sent >> 20} MiB of empty frames from the first moment on"


def huge(daemon: Daemon, seconds: float) -> str:
    """Messages of 16 MiB, and of just what is still read, one after the other; frames that are announced and never come."""
    end = time.monotonic() + seconds
    limit = daemon.capabilities.limits.maximum_message_bytes
    announced: list[RawPeer] = []
    sent = 0
    with contextlib.suppress(OSError):
        for _ in range(40):
            announced.append(RawPeer(daemon.address))
            announced[-1].shake_hands()
            announced[-1].send(header(2 * limit))
    sizes = [16 << 20, limit, 2 * limit, 64 << 20]
    while time.monotonic() < end and sent < 4 << 30:
        for size in sizes:
            with contextlib.suppress(OSError):
                peer = RawPeer(daemon.address)
                peer.shake_hands()
                peer.send(header(size))
                block = bytes(1 << 20)
                for _ in range(0, size, len(block)):
                    peer.send(block)
                    sent += len(block)
                peer.close()
    for peer in announced:
        peer.close()
    return f"{sent >> 20} MiB in frames of {limit >> 10} KiB to 64 MiB; 40 frames announced"


def connections(daemon: Daemon, seconds: float) -> str:
    """More connections than a process has descriptors by default, most silent, from several addresses of the loopback."""
    end = time.monotonic() + seconds
    peers: list[RawPeer] = []
    answers: dict[str, int] = {}
    sources = [f"127.0.0.{number}" for number in range(1, 9)]
    with contextlib.suppress(OSError):
        while time.monotonic() < end and len(peers) < 900:
            peers.append(RawPeer(daemon.address, source=sources[len(peers) % len(sources)]))
            if len(peers) <= 400:
                answer = peers[-1].shake_hands().replace("ERROR 400", "refused")
                answers[answer] = answers.get(answer, 0) + 1
    time.sleep(max(0.0, end - time.monotonic()))
    open_there = daemon.descriptors()
    for peer in peers:
        peer.close()
    told = ", ".join(f"{count} {answer}" for answer, count in sorted(answers.items()))
    if answers.get("READY", 0) > MOST_CONNECTIONS:
        raise NotHeld(f"{told}: more than {MOST_CONNECTIONS} from one machine")
    return f"{len(peers)} connections from {len(sources)} addresses ({told}), {open_there} descriptors open in the daemon"


def deaf(daemon: Daemon, seconds: float) -> str:
    """1,000 observations a second of one session, whose answers nobody reads."""
    return "1,000 observations a second, no answer read: " + flood(daemon, seconds, "--deaf")


def raw(daemon: Daemon, seconds: float) -> str:
    """Frames without compression, ten times as large as usual, from one session."""
    return "300 observations a second without compression: " + flood(daemon, seconds, "--raw", "--rate", "300")


def flood(daemon: Daemon, seconds: float, *options: str) -> str:
    """What flood.py says that it has sent."""
    command = [sys.executable, str(HERE / "flood.py"), "--daemon", daemon.address, "--seconds", str(seconds)]
    process = daemon.spawn([*command, *options])
    output = process.communicate(timeout=seconds + 60)[0].strip()
    if process.returncode != 0:
        raise NotHeld(f"flood.py ended with {process.returncode}")
    return output


def pictures(daemon: Daemon, seconds: float) -> str:
    """Pictures that cost far more than their bytes, in observations and questions."""
    end = time.monotonic() + seconds
    cameras = daemon.capabilities.cameras
    kinds = bombs.kinds(cameras[0].width, cameras[0].height, daemon.capabilities.limits.maximum_message_bytes // 4)
    codes: dict[str, int] = {}
    sent = 0
    with dealer(daemon) as socket:
        token = introduce(socket, "pictures")
        while time.monotonic() < end and sent < 200:
            for data, encoding in kinds:
                frames = [
                    pb.CameraFrame(camera=c.name, encoding=encoding, width=c.width, height=c.height, data=data)
                    for c in cameras
                ]
                body = observation(sent + 1, frames, middle(daemon.capabilities), "Push the drawer until it is closed.")
                body.sent_at = body.captured_at
                question = pb.Generate(prompt="What?", images=frames[:1], maximum_tokens=1)
                for parts in ({"observation": body}, {"generate": question}):
                    sent += 1
                    socket.send(request(sent, "pictures", token, **parts))
                    with contextlib.suppress(zmq.Again):
                        reply = pb.Reply.FromString(socket.recv())
                        name = reply.WhichOneof("body") or ""
                        key = pb.ErrorCode.Name(reply.error.code)[11:].lower() if name == "error" else name
                        codes[key] = codes.get(key, 0) + 1
    return f"{sent} messages of {len(kinds)} kinds: {codes}"


def logs(daemon: Daemon, seconds: float) -> str:
    """Names and reasons that look like lines of the log, and more events than anyone reads."""
    end = time.monotonic() + seconds
    forged = "2026-01-01T00:00:00+0000 critical uio2: forged"
    sent = 0
    with dealer(daemon) as socket:
        socket.setsockopt(zmq.RCVTIMEO, 1_000)
        while time.monotonic() < end and sent < 50_000:
            for session in (f"a{sent}", f"b\n{forged}", "c\x1b[2J", "logs"):
                sent += 1
                socket.send(request(sent, session, stop=pb.Stop(reason=f"x\n{forged}\n" + "y" * 900)))
                with contextlib.suppress(zmq.Again):
                    socket.recv()
    lines = daemon.log_lines()
    fakes = sum(line.startswith(forged) for line in lines)
    return f"{sent} stops; {len(lines)} lines of log, {daemon.log_bytes() >> 10} KiB, {fakes} of them forged"


EARLY = {"warm-up"}
"""Rows that begin before the daemon answers."""

ENDS = {"warm-up", "endless"}
"""Rows that may drive the daemon to its memory ceiling."""

ROWS: dict[str, Callable[[Daemon, float], str]] = {
    "fuzz": fuzz,
    "names": names,
    "resets": resets,
    "endless": endless,
    "warm-up": warm_up,
    "huge": huge,
    "connections": connections,
    "deaf": deaf,
    "raw": raw,
    "pictures": pictures,
    "logs": logs,
}
