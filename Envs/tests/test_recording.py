"""Recordings as others read them (PyPI's `mcap`), and played again: made by the built program, by its own ways."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from mcap.reader import NonSeekingReader, make_reader
from PIL import Image
from uio2_client import Client, observation
from uio2_client import uio2_pb2 as pb

REPOSITORY = Path(__file__).resolve().parents[2]
UIO2 = REPOSITORY / ".build/release/uio2"
POLICY = REPOSITORY / "Policies/metaworld-mt5"
SENTENCE = "Push the drawer until it is closed."

pytestmark = pytest.mark.skipif(not UIO2.exists(), reason="swift build -c release --product uio2 has not run")


def uio2(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(UIO2), *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of a simulated arm."""
    file = tmp_path_factory.mktemp("recording") / "reach.mcap"
    done = uio2(
        *("rollout", "--env", "metaworld:drawer-close-v3", "--episodes", "2", "--seed", "1000", "--max-steps", "60"),
        *("--record", str(file)),
    )
    assert done.returncode == 0, done.stderr
    return file


def messages(file: Path) -> list[tuple]:
    with file.open("rb") as stream:
        return [
            (schema, channel, message) for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages()
        ]


def decoded(schema, message):  # noqa: ANN001, ANN201
    """A message by what the file itself says of it, as a viewer reads it."""
    pool = descriptor_pool.DescriptorPool()
    for file in FileDescriptorSet.FromString(schema.data).file:
        pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))
    return kind.FromString(message.data)


def test_others_read_it(flown: Path) -> None:
    with flown.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        assert {record.compression for record in summary.chunk_indexes} == {"zstd"}
        assert summary.statistics.message_count == sum(1 for _ in reader.iter_messages())
        facts = {record.name: record.metadata for record in reader.iter_metadata()}["uio2"]
    assert facts["policy"] == "metaworld-mt5" and facts["weights"] == "f32" and facts["operator"] == ""
    with flown.open("rb") as stream:
        # The same without the index, as after a cut; the checksum of all data is looked at as well.
        streamed = sum(1 for _ in NonSeekingReader(stream, validate_crcs=True).iter_messages())
    assert streamed == summary.statistics.message_count


def test_requests_and_replies_are_those_of_the_wire(flown: Path) -> None:
    kinds: Counter[str] = Counter()
    for _, channel, message in messages(flown):
        if channel.topic == "/uio2/request":
            kinds[pb.Request.FromString(message.data).WhichOneof("body") or ""] += 1
        if channel.topic == "/uio2/reply":
            kinds[pb.Reply.FromString(message.data).WhichOneof("body") or ""] += 1
    assert kinds["observation"] == kinds["action_chunk"] > 10
    assert kinds["reset"] == 2 and kinds["error"] == 0


def test_viewers_find_what_they_know(flown: Path) -> None:
    found = {}
    for schema, channel, message in messages(flown):
        found.setdefault(channel.topic, (schema, message))
    names = {topic: schema.name for topic, (schema, _) in found.items()}
    session = "/worker-1-1"
    assert names[f"{session}/corner2"] == names[f"{session}/topview"] == "foxglove.CompressedImage"
    assert names["/log"] == "foxglove.Log" and names[f"{session}/state"] == "foxglove.JointStates"
    image = decoded(*found[f"{session}/corner2"])
    assert image.format == "jpeg" and Image.open(io.BytesIO(image.data)).size == (128, 128)
    assert abs(image.timestamp.seconds - time.time()) < 3600
    joints = decoded(*found[f"{session}/state"]).joints
    assert [joint.name for joint in joints][:3] == ["end_effector_x", "end_effector_y", "end_effector_z"]
    position = decoded(*found[f"{session}/pose"]).pose.position
    assert [position.x, position.y, position.z] == [joint.position for joint in joints[:3]]
    command = json.loads(found[f"{session}/command"][1].data)
    assert len(command["actions"]) >= 1 and set(command["values"]) and 0 < command["confidence"] <= 1


def test_episodes_are_marked(flown: Path) -> None:
    marks = [json.loads(message.data) for _, channel, message in messages(flown) if channel.topic == "/uio2/episode"]
    assert [mark["event"] for mark in marks] == ["began", "ended"] * 2
    assert [mark["seed"] for mark in marks] == [1000, 1000, 1001, 1001]
    assert {mark["session"] for mark in marks} == {"worker-1-1"}
    assert all(isinstance(mark["success"], bool) for mark in marks[1::2])


def test_the_schema_is_that_of_the_protocol(flown: Path) -> None:
    schema = next(schema for schema, channel, _ in messages(flown) if channel.topic == "/uio2/request")
    (found,) = FileDescriptorSet.FromString(schema.data).file
    expected = FileDescriptorProto.FromString(pb.DESCRIPTOR.serialized_pb)
    for message in found.message_type:
        for field in message.field:
            field.ClearField("json_name")
    assert found == expected, "run scripts/recording-schemas.py"


def test_a_rollout_replays_to_identical_tokens(flown: Path) -> None:
    done = uio2("replay", str(flown), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["observations"] > 10 and report["different"] == 0 and report["episodes"] == 2
    assert "first" not in report


def test_another_answer_is_a_difference(flown: Path, tmp_path: Path) -> None:
    """The same recording, with one token changed in the seventh answer."""
    from mcap.writer import Writer

    file = tmp_path / "changed.mcap"
    with flown.open("rb") as source, file.open("wb") as target:
        reader, writer = make_reader(source), Writer(target)
        writer.start()
        for record in reader.iter_metadata():
            writer.add_metadata(record.name, record.metadata)
        ids: dict[str, int] = {}
        chunks = 0
        for schema, channel, message in reader.iter_messages(log_time_order=False):
            if channel.topic not in ids:
                known = writer.register_schema(schema.name, schema.encoding, schema.data)
                ids[channel.topic] = writer.register_channel(channel.topic, channel.message_encoding, known)
            data = message.data
            if channel.topic == "/uio2/reply":
                reply = pb.Reply.FromString(data)
                if reply.WhichOneof("body") == "action_chunk":
                    chunks += 1
                    if chunks == 7:
                        reply.action_chunk.tokens[0] += 1
                        data = reply.SerializeToString()
            writer.add_message(ids[channel.topic], message.log_time, data, message.publish_time, message.sequence)
        writer.finish()
    done = uio2("replay", str(file))
    assert done.returncode == 1
    assert "1 of " in done.stdout and "frame     7 of session" in done.stdout and "differs   tokens" in done.stdout


def serve(file: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [str(UIO2), "serve", "--policy", str(POLICY), "--bind", address, "--record", str(file)],
        stderr=log.open("wb"),
        cwd=REPOSITORY,
    )
    return process, address


def test_a_killed_daemon_loses_a_second_at_most(tmp_path: Path) -> None:
    file = tmp_path / "killed.mcap"
    process, address = serve(file, tmp_path / "log")
    try:
        with Client(address, timeout=60) as client:
            capabilities = client.hello()
            client.reset()
            shapes = {camera.name: (camera.height, camera.width, 3) for camera in capabilities.cameras}
            middle = [(quantity.minimum + quantity.maximum) / 2 for quantity in capabilities.proprioception]
            random = np.random.default_rng(0)
            answered: list[float] = []
            end = time.monotonic() + 3
            while time.monotonic() < end:
                frames = {name: random.integers(0, 255, shape, np.uint8) for name, shape in shapes.items()}
                seen = observation(len(answered) + 1, frames=frames, proprioception=middle, instruction=SENTENCE)
                client.act(seen)
                answered.append(time.monotonic())
            killed = time.monotonic()
            process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    safe = sum(1 for moment in answered if moment < killed - 1)
    assert safe > 10
    done = uio2("replay", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert "cut off at byte" in done.stderr
    report = json.loads(done.stdout)
    assert safe <= report["observations"] <= len(answered) and report["different"] == 0


def test_a_recording_replaces_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.mcap"
    file.write_text("precious")
    process, _ = serve(file, tmp_path / "log")
    assert process.wait(timeout=60) == 74
    assert file.read_text() == "precious"
    assert "replaces nothing" in (tmp_path / "log").read_text()


SUITE = """
name: drawers
description: Two short episodes.
environment: metaworld
seeds: {first: 1000, count: 2}
step_limit: 40
success: any
tasks: [{name: drawer-close-v3, group: easy}]
"""


def test_an_evaluation_is_recorded_with_its_workers_and_episodes(tmp_path: Path) -> None:
    (tmp_path / "drawers.yaml").write_text(SUITE)
    file, run = tmp_path / "evaluation.mcap", tmp_path / "run"
    words = ("evaluate", str(tmp_path / "drawers.yaml"), "--workers", "2", "--policy", str(POLICY))
    done = uio2(*words, "--run", str(run), "--record", str(file))
    assert done.returncode == 0, done.stderr
    marks = [json.loads(message.data) for _, channel, message in messages(file) if channel.topic == "/uio2/episode"]
    assert sorted(mark["seed"] for mark in marks if mark["event"] == "began") == [1000, 1001]
    assert sorted(mark["seed"] for mark in marks if mark["event"] == "ended") == [1000, 1001]
    assert all(isinstance(mark["success"], bool) for mark in marks if mark["event"] == "ended")
    asked = Counter()
    for _, channel, message in messages(file):
        if channel.topic == "/uio2/request":
            request = pb.Request.FromString(message.data)
            asked[request.session_id] += request.WhichOneof("body") == "observation"
    # Ten chunks of four commands in each episode, whichever worker flew it.
    assert sum(asked.values()) == 20 and {mark["session"] for mark in marks} == {s for s, count in asked.items() if count}
    replayed = uio2("replay", str(file), "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["observations"] == 20
    again = uio2(*words, "--run", str(tmp_path / "again"), "--record", str(file))
    assert again.returncode == 74 and "replaces nothing" in again.stderr


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.mcap"
    for content in (b"", b"PK", b"\x89MCAP0\r\n"):
        file.write_bytes(content)
        done = uio2("replay", str(file))
        assert done.returncode == 65 and done.stderr.startswith("uio2: "), content
    assert uio2("replay", str(tmp_path / "nothing.mcap")).returncode == 65


def test_only_a_daemon_of_its_own_can_be_recorded(tmp_path: Path) -> None:
    common = ("rollout", "--env", "metaworld:reach-v3", "--record", str(tmp_path / "a.mcap"))
    assert uio2(*common, "--daemon", "ipc:///nowhere").returncode == 64
    assert uio2(*common, "--policy", "expert").returncode == 64
