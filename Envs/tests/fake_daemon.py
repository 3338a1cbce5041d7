"""A daemon without a model: answers requests as a test says, over a real socket, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import zmq
from uio2_client import uio2_pb2 as pb

Answer = pb.ActionChunk | pb.Error | pb.Acknowledgement | pb.Capabilities | pb.Generation | pb.Progress | None
"""``None``: no answer at all."""

_FIELDS = {
    pb.Capabilities: "capabilities",
    pb.ActionChunk: "action_chunk",
    pb.Acknowledgement: "acknowledgement",
    pb.Generation: "generation",
    pb.Progress: "progress",
    pb.Error: "error",
}


def toy_capabilities(**changes) -> pb.Capabilities:
    """Those of a policy that fits the toy environment."""
    fields = {
        "policy_name": "toy-policy",
        "policy_digest": "0123",
        "cameras": [
            pb.CameraSpecification(name="overhead", width=128, height=128, vertical_field_of_view=40, input="image"),
            pb.CameraSpecification(name="follow", width=64, height=64, vertical_field_of_view=0, input="image_history"),
        ],
        "proprioception": [
            pb.QuantitySpecification(name="position_y", unit="m", minimum=-0.5, maximum=0.5),
            pb.QuantitySpecification(name="position_x", unit="m", minimum=-0.5, maximum=0.5),
        ],
        "actions": [
            pb.QuantitySpecification(name="delta_y", unit="m", minimum=-0.02, maximum=0.02),
            pb.QuantitySpecification(name="delta_x", unit="m", minimum=-0.02, maximum=0.02),
        ],
        "action_frame": "base",
        "action_mode": "delta",
        "hold": "zero",
        "chunk_length": 4,
        "control_rate": 50.0,
    }
    return pb.Capabilities(**{**fields, **changes})


def chunk_for(
    observation: pb.Observation, actions: list[list[float]], valid_ns: int = 10**9, **fields
) -> pb.ActionChunk:
    """An answer to ``observation``: values in the order of the capabilities, valid for ``valid_ns`` after capture."""
    return pb.ActionChunk(
        observation_sequence=observation.sequence,
        captured_at=observation.captured_at,
        valid_until=max(0, observation.captured_at + valid_ns),
        actions=[pb.Action(values=values) for values in actions],
        timings=[pb.StageTiming(stage=pb.STAGE_VISION, duration=2_500_000)],
        **{"policy_digest": toy_capabilities().policy_digest, **fields},
    )


def error(code: str, message: str = "so the test wants it", field: str = "test") -> pb.Error:
    """An error by its short name."""
    return pb.Error(code=pb.ErrorCode.Value(f"ERROR_CODE_{code.upper()}"), message=message, field=field)


class FakeDaemon:
    """Serves at ``address`` between ``with`` and its end.

    Args:
        on_observation: the answer to the n-th observation (from 0).
        capabilities: the answer to Hello.
        on_other: answers to Reset, Stop, Resume, Generate and Cancel; acknowledgements when left out. Of a list all are sent.
        address: where to serve; a free port when left out.
        warm_after: greetings that wait for the policy; the last of them makes it warm, and all are answered.
    """

    def __init__(
        self,
        on_observation: Callable[[int, pb.Observation], Answer],
        capabilities: pb.Capabilities | Callable[[pb.Request], Answer] | None = None,
        on_other: Callable[[pb.Request], Answer | list[Answer]] | None = None,
        address: str = "tcp://127.0.0.1:*",
        warm_after: int = 1,
    ) -> None:
        self._on_observation = on_observation
        self._cold = warm_after
        self._greetings: list[tuple[pb.Request, list[bytes]]] = []
        self._capabilities = toy_capabilities() if capabilities is None else capabilities
        self._on_other = on_other or (lambda request: pb.Acknowledgement(stopped=False))
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.ipv6 = "[" in address
        self._bind(address)
        self.address = self._socket.last_endpoint.decode()
        self.requests: list[pb.Request] = []
        self.identities: list[bytes] = []
        self.failure: BaseException | None = None
        self._late: list[tuple[float, list[bytes]]] = []
        self.delay: Callable[[int], float] = lambda index: 0.0
        """Seconds by which the answer to the n-th observation is late."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _bind(self, address: str) -> None:
        """Binds to an address which the socket before may not have left yet: libzmq closes it on a thread of its own."""
        deadline = time.monotonic() + 10
        while True:
            try:
                return self._socket.bind(address)
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @property
    def observations(self) -> list[pb.Observation]:
        """Those received, in order."""
        return [request.observation for request in self.requests if request.WhichOneof("body") == "observation"]

    def __enter__(self) -> FakeDaemon:
        self._thread.start()
        return self

    def die(self) -> None:
        """Ends the service after the present request, unanswered ones and all."""
        self._stop.set()

    def __exit__(self, *_) -> None:
        self.die()
        self._thread.join(timeout=5)
        self._context.term()
        if self.failure is not None:
            raise self.failure

    def _serve(self) -> None:
        try:
            while not self._stop.is_set():
                if self._socket.poll(5):
                    self._answer(self._socket.recv_multipart())
                due = [frames for moment, frames in self._late if moment <= time.monotonic()]
                self._late = [entry for entry in self._late if entry[0] > time.monotonic()]
                for frames in due:
                    self._socket.send_multipart(frames)
        except BaseException as failure:  # shown to the test when it leaves the with statement
            self.failure = failure
        finally:
            self._socket.close()

    def _answer(self, frames: list[bytes]) -> None:
        request = pb.Request.FromString(frames[-1])
        self.requests.append(request)
        self.identities.append(frames[0])
        kind, delay = request.WhichOneof("body"), 0.0
        answer: Answer | list[Answer]
        if kind == "hello":
            self._greetings.append((request, frames[:-1]))
            if len(self._greetings) < self._cold:
                return
            self._cold = 1
            for waiting, route in self._greetings[:-1]:
                self.reply(waiting, self._greeting(waiting), route)
            self._greetings.clear()
            answer = self._greeting(request)
        elif kind == "observation":
            index = len(self.observations) - 1
            answer, delay = self._on_observation(index, request.observation), self.delay(index)
        else:
            answer = self._on_other(request)
        for part in answer if isinstance(answer, list) else [answer]:
            if part is not None:
                self.reply(request, part, frames[:-1], delay)

    def _greeting(self, request: pb.Request) -> Answer:
        return self._capabilities(request) if callable(self._capabilities) else self._capabilities

    def reply(self, request: pb.Request, answer: Answer, route: list[bytes], delay: float = 0.0) -> None:
        """Sends one reply, ``delay`` seconds late."""
        reply = pb.Reply(
            protocol_version=2,
            request_id=request.request_id,
            session_id=request.session_id,
            sent_at=time.monotonic_ns(),
            **{_FIELDS[type(answer)]: answer},
        )
        self._late.append((time.monotonic() + delay, [*route, reply.SerializeToString()]))
