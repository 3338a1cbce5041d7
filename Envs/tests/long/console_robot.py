"""A robot at a steady rate, for test_console.py: one JSON object a step on standard output.

Run with the Python of .venv, which has what the client needs: ``console_robot.py ADDRESS SESSION HZ``. It ends with its standard input.
"""

from __future__ import annotations

import json
import select
import sys
import time

from uio2_client import Client, ClientError, observation
from uio2_client import uio2_pb2 as pb


def pictures(cameras, step: int) -> list[pb.CameraFrame]:
    """Bands that wander, so that no camera looks frozen."""
    return [
        pb.CameraFrame(
            camera=camera.name,
            encoding=pb.IMAGE_ENCODING_RGB8,
            width=camera.width,
            height=camera.height,
            data=bytes((step * 3 + index) & 255 for index in range(camera.width * 3)) * camera.height,
        )
        for camera in cameras
    ]


def main() -> None:
    address, session, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with Client(address, session=session, timeout=10) as client:
        capabilities = client.hello()
        state = [(quantity.minimum + quantity.maximum) / 2 for quantity in capabilities.proprioception]
        due, step = time.monotonic(), 0
        while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            # What was missed is not made up for.
            due, step = max(due + 1 / rate, time.monotonic()), step + 1
            seen = observation(step, pictures(capabilities.cameras, step), state, capabilities.instructions[0])
            begin, error = time.monotonic(), None
            try:
                client.act(seen)
            except ClientError as refusal:
                error = refusal.code
            end = time.monotonic()
            print(json.dumps({"at": begin, "ms": (end - begin) * 1e3, "error": error}), flush=True)
        client.release()


if __name__ == "__main__":
    main()
