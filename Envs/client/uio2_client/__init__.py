"""Talks to a uio2 daemon: sends what a robot sees, receives what it should do.

    from uio2_client import Client, observation

    with Client("tcp://127.0.0.1:5555") as client:
        capabilities = client.hello()          # which cameras, proprioception and actions the policy works with
        client.reset()                         # a new episode
        executed = 0
        for sequence in range(1, 100):
            chunk = client.act(observation(sequence, frames={"corner2": jpeg_bytes, "topview": rgb_array},
                                           proprioception=[0.0, 0.6, 0.2, 1.0], actions_consumed=executed,
                                           instruction="Push the drawer until it is closed."))
            executed = 0                       # of this chunk
            for action in chunk.actions:       # physical units, in the order of capabilities.actions
                if time.monotonic_ns() > chunk.valid_until:
                    break                      # too late: hold still and look again
                robot.move(action.values)
                executed += 1

Needs only pyzmq and protobuf; raw frames may be NumPy arrays or whatever else has ``shape``, ``dtype`` and
``tobytes``.
"""

from .client import Client
from .endpoint import Endpoint, InvalidAddress
from .errors import ClientError, Disconnected, InvalidValue, NotAdmitted, Timeout, code_name
from .follower import CommandFollower
from .keys import ClientKey, InvalidKey
from .messages import PROTOCOL_VERSION, camera_frame, check_answer, observation
from .sounds import audio_clip
from .tokens import read_token, write_token
from .topics import ArmPublisher, CameraPublisher

__all__ = [
    "PROTOCOL_VERSION",
    "ArmPublisher",
    "CameraPublisher",
    "Client",
    "ClientError",
    "ClientKey",
    "CommandFollower",
    "Disconnected",
    "Endpoint",
    "InvalidAddress",
    "InvalidKey",
    "InvalidValue",
    "NotAdmitted",
    "Timeout",
    "audio_clip",
    "camera_frame",
    "check_answer",
    "code_name",
    "observation",
    "read_token",
    "write_token",
]
