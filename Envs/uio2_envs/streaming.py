"""An example of an arm whose cameras and joints are processes of their own: a point on a table, which publishes where it is, and cameras that
look at it. Each is started by itself:

    uio2 serve --listen-file wires.json                                  # with a topics:// address, docs/wires.md
    python -m uio2_envs.streaming arm joints ipc:///tmp/joints --commands tcp://127.0.0.1:5560 --instruction "Open the door."
    python -m uio2_envs.streaming camera corner2 ipc:///tmp/corner2 --arm ipc:///tmp/joints
    python -m uio2_envs.streaming camera topview ipc:///tmp/topview --arm ipc:///tmp/joints

The arm says one JSON object a control period on standard output: when, where it is, and why it holds, if it does. Every process ends with its
standard input.
"""

from __future__ import annotations

import argparse
import json
import select
import sys
import time
from collections.abc import Callable

import numpy as np
import zmq
from uio2_client import ArmPublisher, CameraPublisher, CommandFollower
from uio2_client import uio2_pb2 as pb

_SIDE = 128
"""Pixels of a picture."""
_CENTRE = np.array([0.0, 0.6, 0.2])
_REACH = 0.4
"""Metres from the centre that a picture shows, and that the arm can go."""


def every(period: float, do: Callable[[], None]) -> None:
    """Does something once a period until standard input ends; what was missed is not made up for."""
    due = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        due = max(due + period, time.monotonic())
        do()


def picture(hand: np.ndarray, count: int) -> np.ndarray:
    """The table from above, ``[128, 128, 3]``; with the noise that every camera has, so that it never looks frozen."""
    pixels = np.random.default_rng(count).integers(60, 68, (_SIDE, _SIDE, 3), dtype=np.uint8)
    column, row = ((hand - _CENTRE)[:2] / _REACH * [1, -1] * _SIDE / 2 + _SIDE / 2).clip(4, _SIDE - 5).astype(int)
    pixels[row - 4 : row + 5, column - 4 : column + 5] = 250
    return pixels


def camera(name: str, address: str, arm: str, rate: float) -> None:
    """Publishes what a camera sees of the arm that publishes at ``arm``."""
    context = zmq.Context.instance()
    states = context.socket(zmq.SUB)
    states.setsockopt(zmq.LINGER, 0)
    states.subscribe(b"")
    states.connect(arm)
    hand, count = _CENTRE, 0

    with CameraPublisher(address, name) as publisher:

        def look() -> None:
            nonlocal hand, count
            while states.poll(0):
                said = pb.Request.FromString(states.recv_multipart()[-1])
                # A stopped arm says that, too.
                if said.HasField("observation"):
                    hand = np.array(said.observation.proprioception[:3])
            count += 1
            publisher.publish(picture(hand, count))

        every(1 / rate, look)
    states.close()


def arm(name: str, address: str, commands: str, session: str, instruction: str, rate: float) -> None:
    """Publishes where a simulated hand is, and moves it as it is told."""
    state = np.array([*_CENTRE, 1.0])
    with ArmPublisher(address, name) as publisher, CommandFollower(commands, session) as follower:

        def control() -> None:
            action = follower.next_action()
            if action is not None:
                state[:3] = np.clip(state[:3] + action.values[:3], _CENTRE - _REACH, _CENTRE + _REACH)
            publisher.publish(state, instruction, commands=follower)
            said = {"at": time.monotonic_ns(), "state": state.tolist(), "held": follower.reason}
            print(json.dumps(said), flush=True)

        every(1 / rate, control)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("camera", "arm"):
        options = kinds.add_parser(kind)
        options.add_argument("name", help="as the file of wires has it")
        options.add_argument("address", help="where it publishes")
        options.add_argument("--rate", type=float, default=30.0 if kind == "camera" else 20.0, help="Hz")
        if kind == "camera":
            options.add_argument("--arm", required=True, metavar="ADDRESS", help="where the arm publishes")
        else:
            options.add_argument("--commands", required=True, metavar="ADDRESS", help="where the daemon publishes commands")
            options.add_argument("--session", default="arm")
            options.add_argument("--instruction", default="")
    arguments = vars(parser.parse_args())
    {"camera": camera, "arm": arm}[arguments.pop("kind")](**arguments)


if __name__ == "__main__":
    main()
