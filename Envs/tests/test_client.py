"""The client against a daemon that does as the test says."""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import wave
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zmq
from fake_daemon import FakeDaemon, chunk_for, error, toy_capabilities
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from PIL import Image
from uio2_client import (
    ArmPublisher,
    CameraPublisher,
    Client,
    ClientError,
    CommandFollower,
    Disconnected,
    Timeout,
    audio_clip,
    camera_frame,
    code_name,
    observation,
)
from uio2_client import uio2_pb2 as pb
from uio2_client.transport import Transport

PROTO = Path(__file__).resolve().parents[2] / "Sources" / "CProtocol" / "uio2.proto"
NOWHERE = "tcp://127.0.0.1:9"


def look(sequence: int = 1) -> pb.Observation:
    frame = np.zeros((4, 6, 3), dtype=np.uint8)
    return observation(sequence, {"overhead": frame}, [0.1, 0.2], "Go.")


def test_a_whole_conversation() -> None:
    def other(request: pb.Request):
        if request.WhichOneof("body") == "generate":
            return pb.Generation(text=request.generate.prompt.upper(), finish_reason="end")
        return pb.Acknowledgement(stopped=request.WhichOneof("body") == "stop")

    daemon = FakeDaemon(lambda index, seen: chunk_for(seen, [[0.01, 0.0]], confidence=0.5), on_other=other)
    with daemon, Client(daemon.address, session="s1") as client:
        assert client.hello() == toy_capabilities()
        assert client.reset() is False
        chunk = client.act(look())
        assert [list(action.values) for action in chunk.actions] == [[0.01, 0.0]]
        assert client.stop("enough") is True
        assert client.resume() is False
        assert client.generate("abc", [camera_frame("x", np.zeros((2, 2, 3), np.uint8))], seed=3).text == "ABC"
        assert {request.session_id for request in daemon.requests} == {"s1"}
        assert len({request.request_id for request in daemon.requests}) == len(daemon.requests)
        seen = daemon.observations[0]
        assert seen.captured_at <= seen.sent_at <= time.monotonic_ns()
        assert daemon.requests[3].stop.reason == "enough"


def wave_file(samples: np.ndarray, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def test_a_sound_travels_with_an_observation() -> None:
    said = wave_file(np.arange(100))
    daemon = FakeDaemon(lambda index, seen: chunk_for(seen, [[0.01, 0.0]]))
    with daemon, Client(daemon.address) as client:
        client.hello()
        for audio in (None, said, np.array([0, 1, -1, 32767, -32768], dtype=np.int16), np.array([0, 0.5, -1, 1])):
            client.act(observation(1, {}, [0.1, 0.2], "" if audio is not None else "Go.", audio=audio))
        seen = [observed.audio for observed in daemon.observations]
        assert not daemon.observations[0].HasField("audio")
        assert (seen[1].encoding, seen[1].data) == (pb.AUDIO_ENCODING_FILE, said)
        assert seen[2].encoding == seen[3].encoding == pb.AUDIO_ENCODING_PCM16
        assert np.frombuffer(seen[2].data, "<i2").tolist() == [0, 1, -1, 32767, -32768]
        assert np.frombuffer(seen[3].data, "<i2").tolist() == [0, 16384, -32767, 32767]
    clip = audio_clip(said)
    assert audio_clip(clip) is clip and observation(1, {}, [], "", audio=clip).audio == clip


@pytest.mark.parametrize(
    "sound",
    [
        b"",
        b"RIFF....AVI ",
        b"ID3",
        "close-it.wav",
        [0.5, 0.5],
        np.zeros(0, np.int16),
        np.zeros((2, 100), np.int16),
        np.zeros(100, np.int32),
        np.array([0.0, np.nan]),
        np.array([1.5]),
        b"fLaC" + bytes(8 << 20),
    ],
    ids=[
        "empty", "film", "mp3", "name", "list", "no-samples", "stereo", "int32", "nan", "loud", "large",
    ],
)
def test_what_is_no_sound_is_refused_before_it_travels(sound) -> None:
    with pytest.raises(ValueError, match="audio: expected"):
        audio_clip(sound)


def test_errors_have_name_field_and_message() -> None:
    daemon = FakeDaemon(lambda index, seen: error("unknown_camera", "no such camera", "observation.frames[0].camera"))
    with daemon, Client(daemon.address) as client:
        with pytest.raises(ClientError) as caught:
            client.act(look())
        assert (caught.value.code, caught.value.field) == ("unknown_camera", "observation.frames[0].camera")
        assert "no such camera" in str(caught.value)
        assert client.reset() is False, "an error does not end the conversation"
    assert code_name(14) == "superseded" and code_name(999) == "error_999"


def test_late_answers_never_come_through() -> None:
    daemon = FakeDaemon(lambda index, seen: chunk_for(seen, [[float(index), 0.0]]))
    daemon.delay = lambda index: 2.5 if index == 0 else 0.0
    with daemon, Client(daemon.address) as client:
        late = time.monotonic() + 4.0
        with pytest.raises(Timeout):
            client.act(look(1), timeout=1.5)
        assert client.act(look(2)).actions[0].values[0] == 1.0
        time.sleep(max(0.0, late - time.monotonic()))
        assert client.act(look(3)).actions[0].values[0] == 2.0
        assert daemon.identities[0] != daemon.identities[1] == daemon.identities[2], "a new socket after the timeout"


def test_answers_to_another_observation_are_refused() -> None:
    daemon = FakeDaemon(lambda index, seen: chunk_for(look(77), [[0.0, 0.0]]))
    with daemon, Client(daemon.address) as client, pytest.raises(ClientError, match="malformed"):
        client.act(look(1))


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("reason", "said"),
    [(RuntimeError("gripper lost"), "gripper lost"), (None, ""), (b"cut\xff", "cut\ufffd"), (5, "5"), (Unspeakable(), "Unspeakable")],
    ids=["exception", "none", "bytes", "number", "unspeakable"],
)
def test_whatever_the_reason_is_a_stop_is_sent(reason: object, said: str) -> None:
    daemon = FakeDaemon(lambda index, seen: None, on_other=lambda request: pb.Acknowledgement(stopped=True))
    with daemon, Client(daemon.address, timeout=float("inf")) as client:
        assert client.stop(reason) is True
        assert client.stop(reason, timeout=float("nan")) is True
        assert [request.stop.reason for request in daemon.requests] == [said, said]


def test_a_time_that_is_none_is_refused_before_anything_is_sent() -> None:
    for timeout in (0, -1, float("nan"), "soon", None):
        with pytest.raises(ValueError, match="timeout: expected seconds above 0"):
            Client(NOWHERE, timeout=timeout)  # type: ignore[arg-type]
    with Client(NOWHERE) as client, pytest.raises(ClientError, match="malformed: timeout"):
        client.act(look(), timeout=float("nan"))


def test_a_client_of_the_parent_process_is_refused_in_a_fork() -> None:
    daemon = FakeDaemon(lambda index, seen: None, on_other=lambda request: pb.Acknowledgement(stopped=True))
    with daemon, Client(daemon.address) as client:
        client.stop("before")
        child = os.fork()
        if child == 0:
            codes = []
            for ask in (client.stop, client.release, client.hello, lambda: client.act(look())):
                try:
                    ask()
                except ClientError as error:
                    codes.append(error.code)
            client.close()
            os._exit(0 if codes == ["forked"] * 4 else 1)
        ended = threading.Timer(20, os.kill, (child, signal.SIGKILL))
        ended.start()
        _, status = os.waitpid(child, 0)
        ended.cancel()
        assert status == 0
        assert client.stop("after") is True


def test_nothing_that_surrounds_a_stop_keeps_it_back() -> None:
    class Odd:
        def __float__(self) -> float:
            raise RuntimeError("no number")

    def broken(*_: object) -> int:
        raise RuntimeError("the program's own function")

    limits = toy_capabilities(limits=pb.Limits(maximum_message_bytes=1))
    daemon = FakeDaemon(lambda index, seen: None, limits, on_other=lambda request: pb.Acknowledgement(stopped=True))
    with daemon:
        with Client(daemon.address) as client:
            client.hello()
            assert client.stop("longer than the daemon reads", timeout=Odd()) is True  # type: ignore[arg-type]
            with pytest.raises(ClientError, match="malformed: timeout"):
                client.timeout = float("nan")
            assert client.stop("after that") is True
        for arguments in ({"clock": broken}, {"observer": broken}, {"clock": lambda: -1}, {"clock": time.monotonic}):
            with Client(daemon.address, **arguments) as client, pytest.raises((RuntimeError, ClientError)):
                client.stop(next(iter(arguments)))
    stops = [request.stop.reason for request in daemon.requests if request.WhichOneof("body") == "stop"]
    assert stops == ["longer than the daemon reads", "after that", "clock", "observer", "clock", "clock"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"address": None}, "address"),
        ({"address": b"tcp://127.0.0.1:9"}, "address"),
        ({"session": b"x"}, "session"),
        ({"session": 5}, "session"),
        ({"session": "a\0b"}, "session"),
        ({"token": "00"}, "token"),
        ({"token": bytes(65)}, "token"),
        ({"timeout": "soon"}, "timeout"),
        ({"key": 5}, "key"),
        ({"key": "a\0b"}, "'a\\x00b'"),
        ({"clock": 5}, "clock"),
        ({"observer": 5}, "observer"),
    ],
)
def test_a_client_that_cannot_be_made_says_why(arguments: dict, field: str) -> None:
    with pytest.raises(ClientError) as caught:
        Client(**{"address": NOWHERE, **arguments})
    assert (caught.value.code, caught.value.field) == ("invalid_key" if "key" in arguments else "malformed", field)
    assert caught.value.message


REFUSED = {
    "generate.prompt": lambda client: client.generate(None),
    "generate.prompt ": lambda client: client.generate("a\0b"),
    "generate.prompt  ": lambda client: client.generate("\udc80"),
    "generate.output": lambda client: client.generate("x", output="sound"),
    "generate.output ": lambda client: client.generate("x", output=None),
    "generate.output  ": lambda client: client.generate("x", output="unspecified"),
    "generate.images": lambda client: client.generate("x", [b"\xff\xd8\xff"]),
    "generate.images ": lambda client: client.generate("x", b"\xff\xd8\xff"),
    "generate.images  ": lambda client: client.generate("x", np.zeros((2, 2, 3), np.uint8)),
    "generate.images[0].camera": lambda client: client.generate("x", [pb.CameraFrame(camera="\0")]),
    "generate.box": lambda client: client.generate("x", box=(1, 2, 3)),
    "generate.box ": lambda client: client.generate("x", box=5),
    "generate.box.minimum_y": lambda client: client.generate("x", box=(1, "2", 3, 4)),
    "generate.box.maximum_x": lambda client: client.generate("x", box=(1, 2, None, 4)),
    "generate.audio": lambda client: client.generate("x", audio=np.zeros(8, np.int16)),
    "generate.temperature": lambda client: client.generate("x", temperature="hot"),
    "generate.top_k": lambda client: client.generate("x", top_k=-1),
    "generate.seed": lambda client: client.generate("x", seed=1 << 64),
    "generate.beams": lambda client: client.generate("x", beams=1.5),
    "generate.negative_prompt": lambda client: client.generate("x", negative_prompt=5),
    "on_progress": lambda client: client.generate("x", on_progress=5),
    "progress_interval": lambda client: client.generate("x", on_progress=print, progress_interval=float("nan")),
    "progress_interval ": lambda client: client.generate("x", on_progress=print, progress_interval="soon"),
    "timeout": lambda client: client.generate("x", timeout="soon"),
    "cancel.request_id": lambda client: client.cancel(-1),
    "cancel.request_id ": lambda client: client.cancel("x"),
    "hello.client_name": lambda client: client.hello(name="a\0b"),
    "hello.client_name ": lambda client: client.hello(name=None),
    "hello.client_version": lambda client: client.hello(version=7),
    "observation": lambda client: client.act(None),
    "observation ": lambda client: client.act({"sequence": 1}),
    "observation.instruction": lambda client: client.act(observation(1, {}, [], "a\0b")),
    "observation.prompt[1].text": lambda client: client.act(observation(1, {}, [], "", prompt=["a", "\0"])),
    "observation.prompt[1]": lambda client: observation(1, {}, [], "", prompt=["a", None]),
    "observation.prompt": lambda client: observation(1, {}, [], "", prompt="one text"),
    "observation.sequence": lambda client: observation(-1, {}, [], ""),
    "observation.instruction ": lambda client: observation(1, {}, [], None),
    "observation.instruction  ": lambda client: observation(1, {}, [], ["Go."]),
    "observation.frames": lambda client: observation(1, None, [], ""),
    "observation.frames ": lambda client: observation(1, [b"\xff\xd8\xff"], [], ""),
    "camera 'a'": lambda client: observation(1, {"a": None}, [], ""),
    "camera 'a' ": lambda client: observation(1, {"a": b""}, [], ""),
    "frame.camera": lambda client: observation(1, {5: np.zeros((2, 2, 3), np.uint8)}, [], ""),
    "frame.width": lambda client: camera_frame("a", b"\xff\xd8\xff", width=-1, height=2),
    "observation.proprioception": lambda client: observation(1, {}, None, ""),
    "observation.proprioception ": lambda client: observation(1, {}, [None], ""),
    "observation.proprioception  ": lambda client: observation(1, {}, np.zeros((1, 4)), ""),
    "observation.proprioception   ": lambda client: observation(1, {}, np.array(1.0), ""),
    "observation.captured_at": lambda client: observation(1, {}, [], "", captured_at=time.monotonic()),
    "observation.actions_consumed": lambda client: observation(1, {}, [], "", actions_consumed=1.5),
    "audio": lambda client: observation(1, {}, [], "", audio="close-it.wav"),
}  # fmt: skip
"""By the field that is at fault; spaces only keep names apart."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_sent_is_a_client_error_and_nothing_is_sent(name: str) -> None:
    with FakeDaemon(lambda index, seen: None) as daemon, Client(daemon.address) as client:
        with pytest.raises(ClientError) as caught:
            REFUSED[name](client)
        assert (caught.value.code, caught.value.field) == ("malformed", name.rstrip())
        assert isinstance(caught.value, ValueError) and len(caught.value.message.split()) > 3
        assert not daemon.requests and not daemon.identities


def test_what_can_be_sent_in_many_shapes_still_can() -> None:
    answer = pb.Generation(text="yes", finish_reason="end")
    with FakeDaemon(lambda index, seen: None, on_other=lambda request: answer) as daemon:
        with Client(daemon.address) as client:
            frame = camera_frame("a", np.zeros((2, 2, 3), np.uint8))
            client.generate("x", (one for one in [frame]), box=np.array([1, 2, 3, 4]), output="IMAGE", guidance=None)
        asked = daemon.requests[0].generate
        assert list(asked.images) == [frame] and asked.box.maximum_x == 3 and asked.output == pb.MODALITY_IMAGE
        assert not asked.HasField("guidance")
    seen = observation(np.int64(1), iter([frame]), (value for value in np.ones(2)), "Go.", captured_at=np.int64(5))
    assert list(seen.proprioception) == [1, 1] and seen.captured_at == 5 and list(seen.frames) == [frame]


def test_no_daemon() -> None:
    with Client(NOWHERE, timeout=0.1) as client, pytest.raises(Disconnected, match="no daemon"):
        client.hello()


def test_a_daemon_that_dies_is_noticed_at_once_and_found_again() -> None:
    daemon = FakeDaemon(lambda index, seen: daemon.die())
    with Client(daemon.address, timeout=10) as client:
        with daemon:
            client.hello()
            began = time.monotonic()
            with pytest.raises(Disconnected, match="broke"):
                client.act(look())
            assert time.monotonic() - began < 5
        with FakeDaemon(lambda index, seen: None, address=daemon.address):
            assert client.hello().policy_name == "toy-policy"
        with FakeDaemon(lambda index, seen: None, address=daemon.address):
            assert client.hello().policy_name == "toy-policy", "restarted between two requests: nobody need notice"


def test_hello_is_asked_again_of_a_daemon_that_dies_over_it_and_comes_back() -> None:
    class Dying(FakeDaemon):
        def _answer(self, frames: list[bytes]) -> None:
            self.die()

    dying = Dying(lambda index, seen: None)
    with Client(dying.address, timeout=10) as client, ThreadPoolExecutor(1) as pool:
        with dying:
            answer = pool.submit(client.hello)
            dying._thread.join(timeout=5)
        with FakeDaemon(lambda index, seen: None, address=dying.address) as back:
            assert answer.result(timeout=10).policy_name == "toy-policy"
            assert len(back.requests) == 1


def test_closed_twice_and_for_good() -> None:
    client = Client(NOWHERE)
    client.close()
    client.close()
    with pytest.raises(Disconnected, match="closed"):
        client.hello()
    with pytest.raises(ValueError, match="1 to 128"):
        Client(NOWHERE, session="x" * 129)


def test_pictures() -> None:
    frame = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    raw = camera_frame("a", frame)
    assert (raw.encoding, raw.width, raw.height, raw.data) == (pb.IMAGE_ENCODING_RGB8, 7, 5, frame.tobytes())
    assert camera_frame("a", frame[:, ::-1]).data == frame[:, ::-1].tobytes(), "of any memory layout"
    for form, encoding in (("JPEG", pb.IMAGE_ENCODING_JPEG), ("PNG", pb.IMAGE_ENCODING_PNG)):
        file = io.BytesIO()
        Image.fromarray(frame).save(file, format=form)
        found = camera_frame("a", file.getvalue())
        assert (found.encoding, found.width, found.height, found.data) == (encoding, 7, 5, file.getvalue())
    for wrong in (b"GIF89a", frame.astype(np.float32), frame[0], b"\xff\xd8\xff\xd9"):
        with pytest.raises(ValueError):
            camera_frame("a", wrong)


@pytest.mark.skipif(shutil.which("protoc") is None or not PROTO.exists(), reason="no protoc to compare with")
def test_generated_messages_are_those_of_the_protocol(tmp_path: Path) -> None:
    descriptors = tmp_path / "descriptors"
    subprocess.run(
        ["protoc", f"--proto_path={PROTO.parent}", f"--descriptor_set_out={descriptors}", PROTO.name], check=True
    )
    expected = FileDescriptorSet.FromString(descriptors.read_bytes()).file[0]
    found = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(found)
    for file in (expected, found):
        for message in file.message_type:
            for field in message.field:
                field.ClearField("json_name")
    assert found == expected, "generate uio2_pb2.py anew; see Envs/client/README.md"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_daemon_at_an_ipv6_address() -> None:
    with FakeDaemon(lambda index, o: chunk_for(o, [[0.0, 0.0]]), address="tcp://[::1]:*") as daemon:
        assert daemon.address.startswith("tcp://[::1]:")
        with Client(daemon.address) as client:
            assert client.hello().policy_name == "toy-policy"


def test_localhost_is_an_ipv4_address_too() -> None:
    with FakeDaemon(lambda index, o: chunk_for(o, [[0.0, 0.0]])) as daemon:
        with Client(daemon.address.replace("127.0.0.1", "localhost")) as client:
            assert client.hello().policy_name == "toy-policy"


def test_what_is_too_large_is_not_sent() -> None:
    limits = pb.Limits(maximum_message_bytes=2_000)
    with FakeDaemon(
        lambda index, o: chunk_for(o, [[0.0, 0.0]]), capabilities=toy_capabilities(limits=limits)
    ) as daemon:
        with Client(daemon.address) as client:
            client.hello()
            with pytest.raises(ClientError) as refused:
                client.act(observation(1, {"overhead": np.zeros((128, 128, 3), np.uint8)}, [0.0, 0.0], "go"))
            assert refused.value.code == "too_large"
            assert "2000 at most" in refused.value.message
        assert not daemon.observations


def test_what_came_before_the_connection_broke_is_read() -> None:
    """A daemon that shuts down answers who waits, and closes at once."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 5_000
    port = router.bind_to_random_port("tcp://127.0.0.1")
    transport = Transport(f"tcp://127.0.0.1:{port}", lambda: None)
    try:
        deadline = time.monotonic() + 20
        transport.connect(deadline)
        transport.send(b"question")
        router.send_multipart([router.recv_multipart()[0], b"shutting down"])
        router.close()
        assert transport.is_broken(20_000)
        assert transport.receive(deadline) == b"shutting down"
        with pytest.raises(Disconnected, match="broke while an answer was awaited"):
            transport.receive(deadline)
        with pytest.raises(Disconnected, match="before the request was sent"):
            transport.send(b"question")
    finally:
        transport.close()
        context.term()


DROPPED = """
import gc, sys
import faulthandler
sys.path[:0] = {paths!r}
from uio2_client import Client, ClientError
faulthandler.dump_traceback_later(90, exit=True)
gc.set_threshold(100)
kept = []
{body}
gc.collect()
print("fine")
"""
DROPS = {
    "one-liners": "for i in range(12): Client({address!r}, session='s').stop('x'); gc.collect()",
    "one-liners, collected when Python likes": (
        "for i in range(12): Client({address!r}, session='s').stop('x'); kept.append([{{}} for _ in range(60)])"
    ),
    "in cycles": (
        "class Robot: pass\n"
        "for i in range(12):\n"
        "    robot = Robot(); robot.client = Client({address!r}, session='s'); robot.me = robot; robot.client.robot = robot\n"
        "    robot.client.stop('x'); kept.append([{{}} for _ in range(60)])\n"
        "    if i % 4 == 0: gc.collect()"
    ),
    "never connected": "for i in range(12): Client({address!r}); gc.collect()",
    "at the end of the program": "kept.append(Client({address!r}, session='s')); kept[0].stop('x')",
}


@pytest.mark.parametrize("drop", DROPS)
def test_a_client_that_nobody_closes_hangs_nothing(drop: str) -> None:
    client = Path(__file__).resolve().parents[1] / "client"
    with FakeDaemon(lambda index, seen: None, on_other=lambda request: pb.Acknowledgement(stopped=True)) as daemon:
        body = DROPS[drop].format(address=daemon.address)
        done = subprocess.run(
            [sys.executable, "-c", DROPPED.format(paths=[str(client)], body=body)],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr[-2000:]


def test_a_client_is_gone_when_nobody_names_it() -> None:
    with FakeDaemon(lambda index, seen: None, on_other=lambda request: pb.Acknowledgement(stopped=True)) as daemon:
        gc.disable()
        try:
            client = Client(daemon.address, session="s")
            client.stop("x")
            gone = weakref.ref(client)
            del client
            assert gone() is None, "a cycle keeps its sockets open until Python looks for cycles"
        finally:
            gc.enable()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: CameraPublisher("ipc:///tmp/nowhere", None), "source"),
        (lambda: ArmPublisher("ipc:///tmp/nowhere", b"arm"), "source"),
        (lambda: CameraPublisher(None, "front"), "address"),
        (lambda: CommandFollower(NOWHERE, None), "session"),
        (lambda: CommandFollower(NOWHERE, "a\0b"), "session"),
        (lambda: CommandFollower(5), "address"),
    ],
)
def test_a_source_of_samples_that_cannot_be_made_says_why(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ClientError) as caught:
        make()
    assert (caught.value.code, caught.value.field) == ("malformed", field)


def test_a_sample_that_cannot_be_sent_says_why(tmp_path: Path) -> None:
    with ArmPublisher(f"ipc://{tmp_path}/arm", "arm") as arm, CameraPublisher(f"ipc://{tmp_path}/eye", "eye") as camera:
        for publish, field in (
            (lambda: arm.publish([0.0], "a\0b"), "observation.instruction"),
            (lambda: arm.publish(None), "observation.proprioception"),
            (lambda: arm.publish([0.0], captured_at=-1), "observation.captured_at"),
            (lambda: camera.publish(b"no picture"), "camera 'eye'"),
        ):
            with pytest.raises(ClientError) as caught:
                publish()
            assert (caught.value.code, caught.value.field) == ("malformed", field)
