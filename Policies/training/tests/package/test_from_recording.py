"""Recordings become datasets that this package trains on: one made by hand, and one of a simulated arm."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")
pytest.importorskip("mcap")
pytest.importorskip("zmq")

from mcap.writer import CompressionType, Writer  # noqa: E402
from PIL import Image  # noqa: E402
from test_engine import recipe_file, train, weights  # noqa: E402

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.data.demonstrations import open_dataset  # noqa: E402
from uio2_train.data.recordings import messages_of_the_wire  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[4]
UIO2 = Path(os.environ.get("UIO2", REPOSITORY / ".build" / "release" / "uio2"))
POLICY = REPOSITORY / "Policies" / "metaworld-mt5"
pb = messages_of_the_wire()


class Tape:
    """A recording by hand: an arm with two joints, two cameras, five observations a second, chunks of two."""

    def __init__(
        self, file: Path, mode: str = "delta", joints: tuple[str, ...] = ("pan", "lift"),
        begins: int = 1_700_000_000_000_000_000,
    ) -> None:  # fmt: skip
        self._stream = file.open("wb")
        self._writer = Writer(self._stream, chunk_size=1 << 14, compression=CompressionType.ZSTD)
        self._writer.start(library="test")
        self._channels: dict[str, int] = {}
        self._time, self._request, self._captured = begins, 0, 0
        self._capabilities = pb.Capabilities(
            policy_name="toy", policy_digest="00", action_mode=mode, control_rate=10, chunk_length=2,
            cameras=[pb.CameraSpecification(name="front"), pb.CameraSpecification(name="wrist")],
            proprioception=[pb.QuantitySpecification(name=name, unit="rad") for name in joints],
            actions=[pb.QuantitySpecification(name=f"d_{name}", unit="rad") for name in joints],
        )  # fmt: skip

    def add(self, topic: str, data: bytes) -> None:
        if topic not in self._channels:
            self._channels[topic] = self._writer.register_channel(topic, "protobuf", 0)
        self._time += 1_000_000
        self._writer.add_message(self._channels[topic], self._time, data, self._time)

    def ask(self, session: str, reply: dict[str, Any] | None, topic: str = "/uio2/reply", **body: Any) -> None:
        self._request += 1
        ids = {"request_id": self._request, "session_id": session}
        self.add("/uio2/request", pb.Request(**ids, **body).SerializeToString())
        if reply is not None:
            self.add(topic, pb.Reply(**ids, **reply).SerializeToString())

    def hello(self, session: str) -> None:
        self.ask(session, {"capabilities": self._capabilities}, hello=pb.Hello())

    def acknowledged(self, session: str, **body: Any) -> None:
        self.ask(session, {"acknowledgement": pb.Acknowledgement()}, **body)

    def refused(self, session: str, **body: Any) -> None:
        error = pb.Error(code=pb.ERROR_CODE_NOT_OWNER, message="not yours")
        self.ask(session, {"error": error}, **body)

    def mark(self, event: str, session: str, **values: Any) -> None:
        words = {"event": event, "session": session, "task": "push", "seed": 7} | values
        self.add("/uio2/episode", json.dumps(words).encode())

    def step(
        self, session: str, place: int, sentence: str = "Push.", answered: bool = True, driven: bool = False
    ) -> None:
        self._captured += 200_000_000
        grey = np.full((48, 64, 3), 20 * place, np.uint8)
        stream = io.BytesIO()
        Image.fromarray(grey).save(stream, format="JPEG")
        size = {"width": 64, "height": 48}
        seen = pb.Observation(
            sequence=place + 1, captured_at=self._captured, instruction=sentence,
            proprioception=[place / 10, 0.5 - place / 7],
            frames=[pb.CameraFrame(camera="front", encoding=pb.IMAGE_ENCODING_JPEG, data=stream.getvalue(), **size),
                    pb.CameraFrame(camera="wrist", encoding=pb.IMAGE_ENCODING_RGB8, data=grey.tobytes(), **size)],
        )  # fmt: skip
        if not answered:
            self.refused(session, observation=seen)
            return
        # The second chunk is short, as of a policy that has nothing more to say.
        values = [[0.01 * place, 0.002 * place - 0.02], [0.005, 0.001 * place]][: 1 if place == 1 else 2]
        chunk = pb.ActionChunk(actions=[pb.Action(values=value) for value in values])
        self.ask(session, {"action_chunk": chunk}, "/uio2/reply/operator" if driven else "/uio2/reply", observation=seen)

    def spoil(self, session: str, place: int) -> None:
        """A step without one of its pictures."""
        self._captured += 200_000_000
        grey = np.zeros((48, 64, 3), np.uint8)
        frame = pb.CameraFrame(camera="front", encoding=pb.IMAGE_ENCODING_RGB8, data=grey.tobytes(), width=64, height=48)
        seen = pb.Observation(sequence=place + 1, captured_at=self._captured, instruction="Push.",
                              proprioception=[0, 0], frames=[frame])  # fmt: skip
        chunk = pb.ActionChunk(actions=[pb.Action(values=[0, 0])])
        self.ask(session, {"action_chunk": chunk}, observation=seen)

    def close(self) -> None:
        self._writer.finish()
        self._stream.close()


def episodes_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "meta" / "uio2.json").read_text())["episodes"]


def recorded(file: Path, **options: Any) -> None:
    """Two sessions beside each other: one succeeds, then fails after a stop; the other has no simulator that says."""
    tape = Tape(file, **options)
    tape.hello("a")
    tape.hello("b")
    for outcome in (True, False):
        tape.mark("began", "a")
        tape.acknowledged("a", reset=pb.Reset())
        for place in range(6):
            tape.step("a", place, answered=place != 3)
            tape.step("b", place, "Pull it.")
            if place == 4 and not outcome:
                tape.acknowledged("a", stop=pb.Stop(reason="door open"))
                tape.acknowledged("a", resume=pb.Resume())
            tape.refused("a", reset=pb.Reset())  # somebody else's: it ends nothing
        tape.mark("ended", "a", success=outcome, success_at_end=False)
    tape.close()


def test_answered_observations_are_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(tmp_path / "a.mcap")
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "made")]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "3 episodes, 22 steps, 2.5 steps a second: 1 succeeded, 1 failed, 1 not known" in said
    dataset = open_dataset(tmp_path / "made")
    described = episodes_of(tmp_path / "made")
    assert sorted(dataset.lengths) == [5, 5, 12]
    first = dataset.episode(described.index(next(e for e in described if e["success"] is True)))
    assert first.instructions == ["Push."] * 5
    places = np.array([0, 1, 2, 4, 5])  # 3 got no commands
    assert np.allclose(first.state[:, 0], places / 10)
    assert np.allclose(first.action[:, 0], 0.01 * places)
    expected = np.stack([0.01 * places, 0.002 * places - 0.02, np.full(5, 0.005), 0.001 * places], axis=1)
    expected[1, 2:] = 0  # a short chunk: then the arm holds
    assert np.allclose(first.extras["chunk"], expected)
    cameras = [name for name in dataset.cameras if name.endswith(("front", "wrist"))]
    assert len(cameras) == 2
    for camera in cameras:
        shades = [frame.mean() for frame in dataset.frames(first.index, camera)]
        assert np.allclose(shades, 20 * places, atol=4)
    document = json.loads((tmp_path / "made/meta/uio2.json").read_text())
    assert document["units"] == {"pan": "rad", "lift": "rad", "d_pan": "rad", "d_lift": "rad"}
    assert "observations got no commands" in said


def test_outcome_and_the_hand_of_a_person_are_features(tmp_path: Path) -> None:
    recorded(tmp_path / "a.mcap")
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "made")]) == 0
    dataset, described = open_dataset(tmp_path / "made"), episodes_of(tmp_path / "made")
    for index, episode in enumerate(described):
        outcome = {True: 1, False: 0, None: -1}[episode["success"]]
        assert np.all(dataset.episode(index).extras["episode_success"] == outcome)
    failed = next(index for index, episode in enumerate(described) if episode["success"] is False)
    assert described[failed]["stops"] == [{"step": 4, "reason": "door open"}] and described[failed]["refused"] >= 1
    marks = dataset.episode(failed).extras["operator"]
    assert np.argwhere(marks).tolist() == [[3, 0], [4, 1]], "stopped after the fourth, resumed before the fifth"
    assert described[failed]["task"] == "push" and described[failed]["seed"] == 7


def taken_over(file: Path) -> None:
    """An episode of twelve steps, of which a person drove the middle and the last two."""
    tape = Tape(file)
    tape.hello("a")
    tape.mark("began", "a")
    for place in range(12):
        tape.step("a", place, driven=4 <= place < 8 or place >= 10)
    tape.mark("ended", "a", success=True)
    tape.close()


def test_what_a_person_drove_is_marked_and_may_be_taken_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken_over(tmp_path / "a.mcap")
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "all")]) == 0, capsys.readouterr().err
    assert "6 steps are a person's" in capsys.readouterr().out
    dataset = open_dataset(tmp_path / "all")
    assert dataset.lengths == [12] and episodes_of(tmp_path / "all")[0]["driven"] == 6
    marks = dataset.episode(0).extras["operator"]
    assert np.flatnonzero(marks[:, 2]).tolist() == [4, 5, 6, 7, 10, 11] and not marks[:, :2].any()
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "driven"), "--driven"]) == 0
    driven = open_dataset(tmp_path / "driven")
    assert driven.lengths == [4, 2] and all(np.all(driven.episode(i).extras["operator"][:, 2] == 1) for i in (0, 1))
    assert np.allclose(driven.episode(0).state[:, 0], np.arange(4, 8) / 10)
    assert [np.all(driven.episode(i).extras["episode_success"] == 1) for i in (0, 1)] == [True, True]


LEROBOT_PYTHON = os.environ.get("LEROBOT_PYTHON")
LOAD = """
import sys
from lerobot.datasets.lerobot_dataset import LeRobotDataset
dataset = LeRobotDataset("local/made", root=sys.argv[1], video_backend="pyav")
print(len(dataset), dataset.num_episodes, sorted(dataset.meta.features))
for index in range(len(dataset)):
    item = dataset[index]
    print(int(item["episode_index"]), float(item["episode_success"]), [int(x) for x in item["operator"]])
"""


@pytest.mark.skipif(not LEROBOT_PYTHON, reason="LEROBOT_PYTHON names no Python with LeRobot 0.4.4")
def test_lerobot_itself_loads_outcomes_and_marks(tmp_path: Path) -> None:
    recorded(tmp_path / "a.mcap")
    taken_over(tmp_path / "b.mcap")
    words = ["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "b.mcap"), str(tmp_path / "made")]
    assert main(words) == 0
    done = subprocess.run(
        [str(LEROBOT_PYTHON), "-c", LOAD, str(tmp_path / "made")], capture_output=True, text=True, check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    first, *rows = [line for line in done.stdout.splitlines() if line]
    assert first.startswith("34 4 ") and "'chunk'" in first and "'operator'" in first
    episodes = episodes_of(tmp_path / "made")
    outcomes = {True: 1.0, False: 0.0, None: -1.0}
    found = [line.split(" ", 2) for line in rows]
    assert all(float(outcome) == outcomes[episodes[int(index)]["success"]] for index, outcome, _ in found)
    marks = [[int(x) for x in marks.strip("[]").split(",")] for _, _, marks in found]
    assert np.sum(marks, axis=0).tolist() == [1, 1, 6], "a stop, a resume, and six steps of a person"


def test_episodes_are_chosen_by_their_outcome(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(tmp_path / "a.mcap")
    words = ["from-recording", str(tmp_path / "a.mcap")]
    assert main([*words, str(tmp_path / "good"), "--keep", "success"]) == 0
    assert [episode["success"] for episode in episodes_of(tmp_path / "good")] == [True]
    assert main([*words, str(tmp_path / "none"), "--task", "fly"]) == 1
    assert "none of which is asked for" in capsys.readouterr().err


def test_another_sentence_is_another_episode(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.mcap")
    tape.hello("a")
    tape.mark("began", "a")
    for place in range(8):
        tape.step("a", place, "Push." if place < 5 else "Pull it.")
    tape.mark("ended", "a", success=True)
    tape.close()
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "made")]) == 0
    found = [(episode["steps"], episode["success"]) for episode in episodes_of(tmp_path / "made")]
    assert found == [(5, None), (3, True)]


def test_a_recording_is_read_up_to_where_it_was_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(tmp_path / "a.mcap")
    whole = (tmp_path / "a.mcap").read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) * 2 // 3])
    assert main(["from-recording", str(tmp_path / "cut.mcap"), str(tmp_path / "made")]) == 0
    assert "was cut off" in capsys.readouterr().out
    assert sum(open_dataset(tmp_path / "made").lengths) >= 8


def test_what_does_not_fit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.mcap").write_bytes(b"no recording at all, but a text")
    assert main(["from-recording", str(tmp_path / "no.mcap"), str(tmp_path / "made")]) == 1
    assert "is no recording" in capsys.readouterr().err
    assert main(["from-recording", str(tmp_path / "none.mcap"), str(tmp_path / "made")]) == 1
    assert "none.mcap" in capsys.readouterr().err
    recorded(tmp_path / "a.mcap")
    tapes = {"b": Tape(tmp_path / "b.mcap", joints=("x", "y")), "c": Tape(tmp_path / "c.mcap", "pick_and_place")}
    for name, tape in tapes.items():
        tape.hello(name)
        for place in range(3):
            tape.step(name, place)
        tape.close()
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "b.mcap"), str(tmp_path / "made")]) == 1
    assert "b.mcap: state of session b" in capsys.readouterr().err
    assert main(["from-recording", str(tmp_path / "c.mcap"), str(tmp_path / "made")]) == 1
    assert "pick_and_place" in capsys.readouterr().err


def test_a_recording_is_trained_on(tmp_path: Path) -> None:
    recorded(tmp_path / "a.mcap")
    assert main(["from-recording", str(tmp_path / "a.mcap"), str(tmp_path / "made")]) == 0
    units = json.loads((tmp_path / "made/meta/uio2.json").read_text())["units"]
    dimensions = {"pan": units["pan"], "lift": units["lift"]}
    made = recipe_file(
        tmp_path / "recipe", data={"datasets": [str(tmp_path / "made")]}, state={"units": dimensions},
        action={"units": {f"d_{name}": unit for name, unit in dimensions.items()}, "mode": "delta", "chunk_length": 2,
                "plan_key": "chunk", "roles": {}},
    )  # fmt: skip
    check_training(made, tmp_path)


def check_training(recipe: Path, folder: Path) -> None:
    """Six steps change every kind of weight, and the loss is a number."""
    from uio2_train.commands.train import prepare_run
    from uio2_train.engine.trainer import Trainer
    from uio2_train.recipe_file import load_recipe

    untrained = Trainer(prepare_run(load_recipe(recipe), folder / "fresh"), folder / "fresh", lambda _: None, "cpu")
    fresh = weights(untrained)
    trained = train(recipe, folder / "run")
    assert trained.step == 6
    after = weights(trained)
    assert all(np.isfinite(value.numpy()).all() for value in after.values())
    assert sum(bool((after[name] != value).any()) for name, value in fresh.items()) > len(fresh) / 2


@pytest.mark.skipif(not UIO2.is_file(), reason="uio2 is not built")
@pytest.mark.skipif(importlib.util.find_spec("metaworld") is None, reason="metaworld is not installed")
def test_a_flown_episode_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rollout of the shipped policy, recorded, is a dataset whose steps are those of the daemon's answers."""
    file, made = tmp_path / "flown.mcap", tmp_path / "made"
    done = subprocess.run(
        [str(UIO2), "rollout", "--env", "metaworld:drawer-close-v3", "--episodes", "2", "--seed", "1000",
         "--max-steps", "60", "--record", str(file)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False,
        env={"UIO2_PYTHON": sys.executable} | os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert main(["from-recording", str(file), str(made)]) == 0, capsys.readouterr().err
    document = json.loads((made / "meta" / "uio2.json").read_text())
    assert [episode["seed"] for episode in document["episodes"]] == [1000, 1001]
    assert all(isinstance(episode["success"], bool) for episode in document["episodes"])
    dataset = open_dataset(made)
    assert dataset.rate_hz < document["control_rate_hz"]
    names = [part.name for part in dataset.state], [part.name for part in dataset.action]
    cameras = list(dataset.cameras)
    recipe = recipe_file(
        tmp_path / "recipe", data={"datasets": [str(made)], "held_out": 0.5},
        cameras=[{"name": "corner2", "source": next(name for name in cameras if "corner2" in name)}],
        state={"units": {name: document["units"][name] for name in names[0]},
               "ranges": {name: [-2.0, 2.0] for name in names[0]}},
        action={"units": {name: document["units"][name] for name in names[1]}, "mode": document["action_mode"],
                "ranges": {name: [-1.0, 1.0] for name in names[1]},
                "chunk_length": 2, "plan_key": document["plan_key"], "roles": {}},
    )  # fmt: skip
    check_training(recipe, tmp_path)
