"""What an arm records is what it said and was told, and can be played again."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from uio2_client import Client, observation
from uio2_client import uio2_pb2 as pb

from uio2_robots.recording import Recording, RecordingFailure

REPOSITORY = Path(__file__).resolve().parents[3]
UIO2 = REPOSITORY / ".build/release/uio2"


def nothing(_: str) -> None:
    pytest.fail("nothing is to be said")


def read(file: Path) -> list[tuple[str, bytes]]:
    with file.open("rb") as stream:
        return [(channel.topic, message.data) for _, channel, message in make_reader(stream).iter_messages()]


def test_messages_are_kept_in_order_and_without_tokens(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "new" / "a.mcap", nothing)
    token = bytes(range(16))
    request = pb.Request(request_id=7, session_id="a", session_token=token, hello=pb.Hello(client_name="arm"))
    recording.observe("request", request.SerializeToString(), 1_000)
    reply = pb.Reply(request_id=7, session_id="a", sent_at=90_000, capabilities=pb.Capabilities(session_token=token))
    recording.observe("reply", reply.SerializeToString(), 2_000)
    recording.close()
    found = read(tmp_path / "new" / "a.mcap")
    assert [topic for topic, _ in found if topic != "/log"] == ["/uio2/request", "/uio2/reply"]
    first = pb.Request.FromString(found[0][1])
    assert first.request_id == 7 and len(first.session_token) == 16
    assert not any(token in data for _, data in found)


def test_a_slow_disk_costs_messages_that_are_counted(tmp_path: Path) -> None:
    gate = threading.Event()
    entered = threading.Event()

    def free() -> int:
        entered.set()
        gate.wait(20)
        return 1 << 40

    recording = Recording(tmp_path / "a.mcap", nothing, free, capacity=4)
    data = pb.Reply(request_id=1, sent_at=1, error=pb.Error(message="no")).SerializeToString()
    assert entered.wait(20)
    for moment in range(20):
        recording.observe("reply", data, moment)
    gate.set()
    while recording._queue.qsize():
        pass
    recording.observe("reply", data, 20)
    recording.close()
    found = read(tmp_path / "a.mcap")
    losses = [json.loads(data) for topic, data in found if topic == "/uio2/losses"]
    replies = sum(1 for topic, _ in found if topic == "/uio2/reply")
    assert [loss["reason"] for loss in losses] == ["queue_full"]
    assert losses[0]["messages"] == 16 and replies + 16 == 21


def test_a_disk_that_is_nearly_full_ends_the_recording(tmp_path: Path) -> None:
    said: list[str] = []
    told = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        told.set()

    recording = Recording(tmp_path / "a.mcap", say, lambda: 0)
    assert told.wait(20)
    recording.observe("reply", b"", 1)
    recording.close()
    assert len(said) == 2 and "MiB are left" in said[0] and "lacks the last 1 messages" in said[1]
    assert [topic for topic, _ in read(tmp_path / "a.mcap")] == ["/uio2/losses"]


@pytest.mark.parametrize(
    "failure", [RuntimeError("of a library"), KeyError("x"), OSError(28, "No space left on device"), None]
)
def test_whatever_ends_a_recording_is_said_and_counted(tmp_path: Path, failure: Exception | None) -> None:
    said: list[str] = []
    told = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        told.set()
        raise BrokenPipeError  # nor does a terminal that is gone end anything

    recording = Recording(tmp_path / "a.mcap", say)
    data = pb.Reply(request_id=1, sent_at=1, error=pb.Error(message="no")).SerializeToString()
    if failure is None:
        data = b"\xff no message"
    else:

        def write(*_: object) -> None:
            raise failure

        recording._work.write = write  # type: ignore[method-assign]
    recording.observe("reply", data, 1)
    assert told.wait(20)
    recording._thread.join(20)
    for moment in range(2, 5):
        recording.observe("reply", data, moment)
    recording.close()
    recording.close()
    assert len(said) == 2 and said[0].startswith(f"the recording has ended: {tmp_path / 'a.mcap'}: ")
    assert "lacks the last 4 messages" in said[1] and recording._stream.closed
    assert failure is None or str(failure) in said[0]


def test_nothing_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.mcap"
    file.write_text("precious")
    with pytest.raises(RecordingFailure, match="replaces nothing"):
        Recording(file, nothing)
    assert file.read_text() == "precious"


@pytest.mark.skipif(not UIO2.exists(), reason="swift build -c release --product uio2 has not run")
def test_what_an_arm_recorded_is_replayed(tmp_path: Path) -> None:
    file, address = tmp_path / "a.mcap", f"ipc://{tmp_path}/uio2.sock"
    process = subprocess.Popen(
        [str(UIO2), "serve", "--policy", "Policies/metaworld-mt5", "--bind", address], cwd=REPOSITORY
    )
    try:
        recording = Recording(file, nothing)
        with Client(address, timeout=60, observer=recording.observe) as client:
            capabilities = client.hello()
            client.reset()
            random = np.random.default_rng(0)
            middle = [(quantity.minimum + quantity.maximum) / 2 for quantity in capabilities.proprioception]
            for sequence in range(1, 13):
                frames = {
                    camera.name: random.integers(0, 255, (camera.height, camera.width, 3), np.uint8)
                    for camera in capabilities.cameras
                }
                client.act(
                    observation(
                        sequence, frames=frames, proprioception=middle, instruction=capabilities.instructions[0]
                    )
                )
        recording.close()
    finally:
        process.terminate()
        process.wait(30)
    done = subprocess.run(
        [str(UIO2), "replay", str(file), "--json"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["observations"] == 12 and report["different"] == 0
