"""One client that asks far more often than it is its turn, or a sink that such a client can be pointed at."""

from __future__ import annotations

import argparse
import json
import time

import zmq
from robots import Camera, Robot, capabilities_of, middle
from uio2_client import uio2_pb2 as pb


def flood(
    address: str,
    capabilities: pb.Capabilities,
    rate: float,
    seconds: float,
    is_daemon: bool,
    reads: bool = True,
    is_raw: bool = False,
) -> dict:
    """Sends observations of one session at ``rate`` a second, whatever comes back."""
    context = zmq.Context()
    robot = Robot(context, address, "flood")
    if is_daemon:
        robot.hello(30)
    else:
        robot.token = b""
    camera, values = Camera(10_000, capabilities, is_raw=is_raw), middle(capabilities)
    start = time.monotonic()
    sent = refused = replies = 0
    while (now := time.monotonic()) < start + seconds:
        while sent < (now - start) * rate:
            if not robot.observe(camera.frames(sent), values):
                refused += 1
                break
            sent += 1
        while reads and robot.socket.poll(0):
            robot.take()
            replies += 1
        time.sleep(0.002)
    context.destroy(linger=0)
    return {"sent": sent, "not_taken": refused, "replies": replies}


def sink(seconds: float) -> None:
    """Takes whatever comes, and answers nothing. Prints its address first."""
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    socket.bind("tcp://127.0.0.1:*")
    print(socket.last_endpoint.decode(), flush=True)
    end = time.monotonic() + seconds
    taken = 0
    while time.monotonic() < end:
        if socket.poll(50):
            socket.recv_multipart(copy=False)
            taken += 1
    context.destroy(linger=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daemon", help="whose cameras the pictures are of")
    parser.add_argument("--address", help="where they go; the daemon when left out")
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--raw", action="store_true", help="frames without compression")
    parser.add_argument("--deaf", action="store_true", help="replies are not read")
    parser.add_argument("--sink", action="store_true")
    options = parser.parse_args()
    if options.sink:
        return sink(options.seconds)
    capabilities = capabilities_of(zmq.Context.instance(), options.daemon, 30)
    result = flood(
        options.address or options.daemon,
        capabilities,
        options.rate,
        options.seconds,
        is_daemon=options.address is None,
        reads=not options.deaf,
        is_raw=options.raw,
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
