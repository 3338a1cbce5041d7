"""Clients of openpi and vla-eval without their authors' packages: honest ones, one that floods, and a sink for it. Prints JSON."""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import json
import os
import struct
import time

import zmq
from robots import INSTRUCTION, Camera, capabilities_of, middle
from uio2_client import uio2_pb2 as pb

SCHEMES = ("openpi", "vla-eval")
PATIENCE = 2.0
"""Seconds after which a client no longer waits for an answer, and asks again."""


# -- msgpack and websockets, as much as these clients need


def pack(value: object) -> bytes:
    """A value as msgpack."""
    match value:
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return b"\xd3" + struct.pack(">q", value)
        case float():
            return b"\xcb" + struct.pack(">d", value)
        case str():
            return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
        case bytes():
            return b"\xc6" + struct.pack(">I", len(value)) + value
        case list():
            return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
        case dict():
            entries = b"".join(pack(key) + pack(entry) for key, entry in value.items())
            return b"\xdf" + struct.pack(">I", len(value)) + entries
    raise TypeError(type(value))


def frame(payload: bytes) -> bytes:
    """A whole binary message; the mask changes nothing."""
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", 0x82, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", 0x82, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", 0x82, 0x80 | 127, length)
    return head + bytes(4) + payload


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 24)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head.splitlines()[0]:
        raise ConnectionError(head.splitlines()[0].decode())
    return reader, writer


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
    """The next message's kind (1: text, 2: bytes) and contents; answers pings."""
    while True:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", await reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await reader.readexactly(8))
        payload = await reader.readexactly(length)
        match first & 0x0F:
            case 9:
                writer.write(struct.pack(">BB", 0x8A, 0x80 | len(payload)) + bytes(4) + payload)
            case 8:
                raise ConnectionError(payload[2:].decode(errors="replace"))
            case kind if kind in (1, 2):
                return kind, payload


# -- the clients


class Body:
    """What one client sees and says, in the words of its format."""

    def __init__(self, scheme: str, seed: int, capabilities: pb.Capabilities) -> None:
        self.scheme = scheme
        self.names = [camera.name for camera in capabilities.cameras]
        self.camera = Camera(seed, capabilities)
        values = middle(capabilities)
        self.state = {
            b"__ndarray__": True,
            b"data": struct.pack(f"<{len(values)}d", *values),
            b"dtype": "<f8",
            b"shape": [len(values)],
        }
        self.step = 0

    def says(self, kind: str, payload: dict) -> bytes:
        return frame(pack({"type": kind, "payload": payload, "seq": self.step, "timestamp": time.time()}))

    def greeting(self) -> list[bytes]:
        """What is said first."""
        if self.scheme == "openpi":
            return []
        hello = {"protocol_version": 1, "harness_version": "attack"}
        return [self.says("hello", hello), self.says("episode_start", {"task": {"name": "attack"}, "mode": "live"})]

    def observation(self) -> bytes:
        self.step += 1
        files = [picture.data for picture in self.camera.frames(self.step)]
        if self.scheme == "vla-eval":
            images = {
                name: {"__image__": True, "format": "jpeg", "data": data}
                for name, data in zip(self.names, files, strict=True)
            }
            return self.says("observation", {"images": images, "state": self.state, "task_description": INSTRUCTION})
        # openpi's own naming: the first camera, then the others by name.
        keys = ["observation/image"] + [f"observation/{name}" for name in self.names[1:]]
        return frame(
            pack(dict(zip(keys, files, strict=True)) | {"observation/state": self.state, "prompt": INSTRUCTION})
        )


def is_command(kind: int, payload: bytes) -> bool:
    """Whether an answer is one to act on, whatever else its format calls it."""
    return kind == 2 and b"actions" in payload


async def fly_one(body: Body, address: str, rate: float, start: float, end: float, record: dict) -> None:
    reader, writer = await connect(address)
    if body.scheme == "openpi":
        await receive(reader, writer)
    else:
        hello, beginning = body.greeting()
        writer.write(hello)
        await receive(reader, writer)
        writer.write(beginning)
    due = start
    while due < end:
        await asyncio.sleep(max(0, due - time.monotonic()))
        sent_at = time.monotonic()
        writer.write(body.observation())
        try:
            kind, payload = await asyncio.wait_for(receive(reader, writer), PATIENCE)
        except TimeoutError:
            record["lost"] += 1
        else:
            if is_command(kind, payload):
                record["times_ms"].append(round((time.monotonic() - sent_at) * 1000, 3))
            else:
                record["errors"][payload.decode(errors="replace")[:60]] += 1
        due = max(due + 1 / rate, time.monotonic())
    writer.close()


async def fly(scheme: str, address: str, bodies: list[Body], rate: float, seconds: float) -> dict:
    """Each asks ``rate`` times a second and waits for its answer."""
    record: dict = {"times_ms": [], "lost": 0, "errors": collections.Counter()}
    start = time.monotonic() + 0.5
    flights = [
        fly_one(body, address, rate, start + index / len(bodies) / rate, start + seconds, record)
        for index, body in enumerate(bodies)
    ]
    await asyncio.gather(*flights)
    return record


async def flood(body: Body, address: str, rate: float, seconds: float, is_sink: bool) -> dict:
    """Sends ``rate`` observations a second, as far as they are taken, whatever comes back."""
    reader, writer = await connect(address)
    counts = {"sent": 0, "replies": 0}

    async def read() -> None:
        while True:
            await receive(reader, writer)
            counts["replies"] += 1

    if not is_sink and body.scheme == "openpi":
        await receive(reader, writer)
    for message in body.greeting():
        writer.write(message)
    reading = asyncio.create_task(read())
    start = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        while counts["sent"] < (now - start) * rate:
            writer.write(body.observation())
            counts["sent"] += 1
        try:
            async with asyncio.timeout(max(0, start + seconds - now)):
                await writer.drain()
        except TimeoutError:
            break
        await asyncio.sleep(0.002)
    reading.cancel()
    writer.transport.abort()
    return counts


async def sink(seconds: float) -> None:
    """Takes whatever comes, and answers nothing. Prints its address first."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while await reader.read(1 << 20):
            pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("{}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await asyncio.sleep(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scheme", choices=SCHEMES, default="openpi")
    parser.add_argument("--daemon", help="whose cameras the pictures are of, on our own wire")
    parser.add_argument("--address", help="host and port of the websockets")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1, help="observations a second of each client, or of the flood")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--flood", action="store_true", help="one client that does not wait")
    parser.add_argument("--into-sink", action="store_true", help="the address is a sink's")
    parser.add_argument("--sink", action="store_true")
    options = parser.parse_args()
    if options.sink:
        return asyncio.run(sink(options.seconds))
    capabilities = capabilities_of(zmq.Context.instance(), options.daemon, 30)
    if options.flood:
        body = Body(options.scheme, 10_000, capabilities)
        run = flood(body, options.address, options.rate, options.seconds, options.into_sink)
    else:
        seed = 20_000 * (1 + SCHEMES.index(options.scheme))
        bodies = [Body(options.scheme, seed + index, capabilities) for index in range(options.clients)]
        run = fly(options.scheme, options.address, bodies, options.rate, options.seconds)
    print(json.dumps(asyncio.run(run)))


if __name__ == "__main__":
    main()
