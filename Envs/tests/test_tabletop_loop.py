"""Pick-and-place through the control loop: prompt images on the wire, open and closed loop, sentences that cannot be executed, films."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest
from fake_daemon import FakeDaemon
from PIL import Image
from uio2_client import Client, ClientError
from uio2_client import uio2_pb2 as pb

from uio2_envs import adapters, expert
from uio2_envs.agreement import Agreement
from uio2_envs.clock import SimulatedClock
from uio2_envs.environment import Environment
from uio2_envs.episode import EpisodeResult, PolicyStep
from uio2_envs.film import steps_of
from uio2_envs.flow import flow
from uio2_envs.patience import RobotFailure
from uio2_envs.robot import Link, Robot
from uio2_envs.variant import Variant

if find_spec("mujoco") is None:
    pytest.skip("needs MuJoCo", allow_module_level=True)

# First, because it chooses how MuJoCo draws.
from uio2_tabletop import adapter  # noqa: E402, F401, I001
from uio2_tabletop import sentence, tasks  # noqa: E402
from uio2_tabletop.trial import Trial  # noqa: E402

ENVS = Path(__file__).resolve().parents[1]
HALF_BINS = np.array([0.25, 0.5, np.pi] * 2) / 999
Script = Callable[[int, pb.Observation], pb.ActionChunk]


def capabilities(environment: Environment, cameras: tuple[str, ...] = ("top",)) -> pb.Capabilities:
    """Those of a policy that fits the table and looks at some cameras."""
    known = expert.capabilities(environment.specification)
    known.cameras.extend(
        pb.CameraSpecification(name=name, width=256, height=128, input="image") for name in cameras
    )
    known.policy_digest = "0123"
    return known


def answer(seen: pb.Observation, text: str) -> pb.ActionChunk:
    """The chunk that a daemon makes of a sentence."""
    return pb.ActionChunk(
        observation_sequence=seen.sequence,
        captured_at=seen.captured_at,
        valid_until=seen.captured_at + 60_000_000_000,
        actions=[
            pb.Action(values=[float(value) for value in move.values], primitive=move.primitive)
            for move in sentence.read(text)
        ],
        text=text,
        policy_digest="0123",
    )


class Oracle:
    """Another end that knows the task's oracle, and answers with its whole plan as a sentence."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.observations: list[pb.Observation] = []

    def reset(self) -> bool:
        return False

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        self.observations.append(observation)
        return answer(observation, self.environment.say(self.environment.plan())[0])


class Scripted:
    """Another end that answers the n-th observation with what ``script(n, observation)`` returns or raises."""

    def __init__(self, script: Script) -> None:
        self.script, self.observations = script, list[pb.Observation]()

    def reset(self) -> bool:
        return False

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        self.observations.append(observation)
        return self.script(len(self.observations) - 1, observation)


def fly(
    environment: Environment, link: Link, seed: int, cameras: tuple[str, ...] = (), **options: object
) -> tuple[EpisodeResult, list[PolicyStep]]:
    """An episode, and what was reported of its steps."""
    steps: list[PolicyStep] = []
    agreement = Agreement(environment.specification, capabilities(environment, cameras))
    clock = SimulatedClock(environment.specification.control_rate)
    robot = Robot(environment, agreement, link, clock, on_step=steps.append, **options)
    return robot.run_episode(seed), steps


# The prompt.


def test_a_prompt_travels_with_its_images_through_client_and_socket() -> None:
    environment = adapters.make("tabletop", "new-noun-l3")
    oracle = Oracle(environment)
    with FakeDaemon(lambda n, seen: oracle.act(seen), capabilities(environment)) as daemon:
        with Client(daemon.address, timeout=20) as client:
            agreement = Agreement(environment.specification, client.hello())
            clock = SimulatedClock(environment.specification.control_rate)
            result = Robot(environment, agreement, client, clock, encoding="png").run_episode(3)
    assert result.success
    (seen,) = daemon.observations
    twin = Trial("new-noun-l3", 3)
    assert seen.instruction == "" and len(seen.prompt) == len(twin.prompt)
    for part, meant in zip(seen.prompt, twin.prompt, strict=True):
        if isinstance(meant, str):
            assert part.text == meant
        else:
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(part.image.data))), meant)
    assert [(frame.camera, frame.width, frame.height) for frame in seen.frames] == [("top", 256, 128)]
    environment.close()
    twin.close()


def test_a_voice_says_the_sentence_of_the_episode_and_the_images_travel_beside_it(tmp_path: Path) -> None:
    job = {"task": "rotate-l1", "step_limit": 1, "options": {}}
    environment = adapters.make("tabletop", "rotate-l1")
    names = []
    for seed in (3, 4):
        environment.reset(seed)
        names.append(environment.recording)
        (tmp_path / names[-1]).mkdir()
        (tmp_path / names[-1] / "a.wav").write_bytes(b"RIFF....WAVE" + names[-1].encode())
    assert names[0] != names[1] and names[0].startswith(("turn-the-", "give-the-"))
    known = capabilities(environment)
    known.audio.CopyFrom(pb.AudioSpecification(name="instruction", maximum_duration=4, replaces_instruction=True))
    shelves = "1: pick from ( {0} {0} {0} ) and place to ( {0} {0} {0} )".format("<extra_id_700>")
    with FakeDaemon(lambda n, seen: answer(seen, shelves), known) as daemon:
        command = [sys.executable, "-m", "uio2_envs.worker", "tabletop", "--connect", daemon.address, "--speech", str(tmp_path)]
        path = f"{ENVS}:{ENVS / 'client'}:{ENVS / 'tabletop'}"
        jobs = "".join(json.dumps({**job, "id": seed, "seed": seed}) + "\n" for seed in (3, 4, 5))
        done = subprocess.run(
            command, input=jobs, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
        )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["id"] for event in events if event["event"] == "episode_end"] == [3, 4], done.stderr
    # Nobody has said the third one's.
    assert events[-1]["event"] == "episode_failed" and events[-1]["code"] == "no_speech"
    for seen, name in zip(daemon.observations, names, strict=True):
        assert seen.audio.data == b"RIFF....WAVE" + name.encode() and seen.instruction == ""
        assert [part.WhichOneof("part") for part in seen.prompt] == ["image"]
    environment.close()


def test_who_looks_at_no_camera_is_sent_no_image_and_nothing_is_drawn() -> None:
    environment = adapters.make("tabletop", "put-into-l1")
    oracle = Oracle(environment)
    result, _ = fly(environment, oracle, 5)
    assert result.success and environment.trial._painter is None
    assert not oracle.observations[0].prompt and "[1]" in oracle.observations[0].instruction
    environment.close()


# The loop.


def test_in_open_loop_one_answer_is_the_episode() -> None:
    environment = adapters.make("tabletop", "rebuild-restore-l2")
    oracle = Oracle(environment)
    result, steps = fly(environment, oracle, 2, loop="open")
    assert result.success and len(oracle.observations) == len(steps) == 1
    assert result.steps == len(steps[0].outcomes) == len(steps[0].commands) > 2
    assert result.outcomes == {"done": result.steps} and steps[0].sentence.startswith("1: pick from ( <extra_id_")
    # One that has done only a part of it is not asked again.
    short = Scripted(lambda n, seen: answer(seen, environment.say(environment.plan()[:1])[0]))
    result, _ = fly(environment, short, 2, loop="open")
    assert (result.success, result.steps, len(short.observations)) == (False, 1, 1)
    # Without that rule it is, with what is left to do.
    short.observations.clear()
    result, _ = fly(environment, short, 2)
    assert result.success and len(short.observations) == result.steps > 2
    environment.close()


def test_in_closed_loop_it_looks_again_after_each_primitive() -> None:
    environment = adapters.make("tabletop", "follow-l1")
    oracle = Oracle(environment)
    result, steps = fly(environment, oracle, 4, loop="closed")
    assert result.success and len(oracle.observations) == result.steps == len(steps) > 1
    assert all(len(step.commands) == len(step.outcomes) == 1 for step in steps)
    lengths = [len(sentence.read(step.sentence)) for step in steps]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > 1
    # The rest of each answer is dropped, which the daemon is told.
    assert [seen.actions_consumed for seen in oracle.observations] == [0, *lengths[:-1]]
    environment.close()


@pytest.mark.parametrize("family", tasks.FAMILIES)
def test_what_the_oracle_says_lands_within_half_a_bin_of_what_it_meant(family: str) -> None:
    environment = adapters.make("tabletop", f"{family}-l2")
    link = expert.ExpertLink(environment)
    meant = []

    def act(observation: pb.Observation) -> pb.ActionChunk:
        meant.extend(environment.plan())
        return link.act(observation)

    result, steps = fly(environment, Scripted(lambda n, seen: _signed(act(seen))), 21, loop="open")
    assert result.success and len(meant) == result.steps
    for command, values in zip(meant, steps[0].commands, strict=True):
        off = np.abs(command.values - values)
        off[[2, 5]] = np.minimum(off[[2, 5]] % (2 * np.pi), 2 * np.pi - off[[2, 5]] % (2 * np.pi))
        assert (off <= HALF_BINS * (1 + 1e-9)).all(), off / HALF_BINS
    environment.close()


def _signed(chunk: pb.ActionChunk) -> pb.ActionChunk:
    chunk.policy_digest = "0123"
    return chunk


# What cannot be executed.


def _refusal(seen: pb.Observation) -> pb.ActionChunk:
    raise ClientError("invalid_action", "action_chunk", "the answer ends inside step 2 after 19 tokens")


def _juggling(seen: pb.Observation) -> pb.ActionChunk:
    chunk = answer(seen, sentence.say([sentence.move_of("push", [500] * 6)] * 2))
    chunk.actions[1].primitive = "juggle"
    return chunk


@pytest.mark.parametrize("script", [_refusal, _juggling])
@pytest.mark.parametrize("loop", ["chunk", "closed", "open"])
def test_a_sentence_that_cannot_be_executed_is_an_outcome(script: Callable, loop: str) -> None:
    environment = adapters.make("tabletop", "put-into-l1")
    environment.reset(1)
    things = range(len(environment.trial.world.things))
    before = [environment.trial.world.pose(index) for index in things]
    said: list[str] = []
    link = Scripted(lambda n, seen: script(seen))
    result, steps = fly(environment, link, 1, loop=loop, log=said.append)
    tried = 1 if loop == "open" else environment.specification.step_limit
    assert not result.success and result.outcomes == {"unreadable": tried} == {"unreadable": result.held_steps}
    assert len(link.observations) == len(steps) == result.steps == tried
    assert all(step.outcomes == ("unreadable",) and step.commands == () for step in steps)
    assert [environment.trial.world.pose(index) for index in things] == before
    assert said[0].startswith("unreadable: ")
    # None of what it has, if it has anything, will still be executed.
    consumed = 2 if script is _juggling else 0
    assert [seen.actions_consumed for seen in link.observations] == [0] + [consumed] * (tried - 1)
    environment.close()


def test_an_answer_that_is_read_after_one_that_was_not_is_executed() -> None:
    environment = adapters.make("tabletop", "put-into-l1")
    oracle = Oracle(environment)
    result, steps = fly(environment, Scripted(lambda n, seen: _refusal(seen) if n == 0 else oracle.act(seen)), 1)
    assert result.success and result.outcomes == {"unreadable": 1, "done": 1} and result.steps == 2
    environment.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda chunk: chunk.actions[0].values.__setitem__(2, float("nan")),
        lambda chunk: chunk.actions[0].values.append(0.0),
        lambda chunk: chunk.ClearField("actions"),
        lambda chunk: setattr(chunk, "policy_digest", "another"),
    ],
)
def test_a_broken_message_is_no_outcome(spoil: Callable) -> None:
    environment = adapters.make("tabletop", "put-into-l1")

    def spoilt(seen: pb.Observation) -> pb.ActionChunk:
        chunk = answer(seen, environment.say(environment.plan())[0])
        spoil(chunk)
        return chunk

    with pytest.raises(RobotFailure, match="invalid_action|policy_changed"):
        fly(environment, Scripted(lambda n, seen: spoilt(seen)), 1)
    assert environment.steps == 0
    environment.close()


def test_other_refusals_end_the_run() -> None:
    environment = adapters.make("tabletop", "put-into-l1")

    def refuse(n: int, seen: pb.Observation) -> pb.ActionChunk:
        raise ClientError("invalid_image", "observation.prompt", "too many images")

    with pytest.raises(RobotFailure, match="invalid_image"):
        fly(environment, Scripted(refuse), 1)
    environment.close()


# The worker, and films.


def work(jobs: list[dict], *arguments: str) -> tuple[int, list[dict], str]:
    """Exit code, events, and what people read, of a worker with the oracle."""
    folders = os.pathsep.join(str(ENVS / name) for name in ("", "client", "tabletop"))
    done = subprocess.run(
        [sys.executable, "-m", "uio2_envs.worker", "tabletop", "--expert", *arguments],
        input="".join(json.dumps(job) + "\n" for job in jobs),
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_worker_tells_each_episodes_own_sentence_and_outcomes(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    jobs = [
        {"id": 0, "task": "rebuild-l1", "seed": 7},
        {"id": 1, "task": "rebuild-l1", "seed": 8},
        {"id": 2, "task": "rebuild-l1", "seed": 8, "video": str(film)},
    ]
    code, events, people = work(jobs)
    assert code == 0, people
    starts = [event for event in events if event["event"] == "episode_start"]
    assert [start["instruction"] for start in starts] == [
        Trial("rebuild-l1", seed).words for seed in (7, 8, 8)
    ]
    ends = [event for event in events if event["event"] == "episode_end"]
    assert all(end["success"] and end["outcomes"] == {"done": end["steps"]} for end in ends)
    steps = [event for event in events if event["event"] == "step"]
    assert len(steps) == 3 and all(step["outcomes"] == ["done"] * len(step["commands"]) for step in steps)
    assert [move.primitive for move in sentence.read(steps[0]["sentence"])] == ["pick_and_place"] * len(
        steps[0]["commands"]
    )
    assert ends[1]["steps"] == ends[2]["steps"], "filmed or not, the episode is the same"
    pictures = imageio.mimread(film, memtest=False)
    assert pictures[0].shape[1] == 1024 and 60 < len(pictures) < 400
    assert all(picture.shape == pictures[0].shape for picture in pictures)
    # Above stands the prompt; in it nothing moves. In the middle something does.
    prompt = flow(Trial("rebuild-l1", 8).prompt, 1024).height
    differences = np.abs(pictures[0].astype(int) - pictures[len(pictures) // 2])
    assert differences[: prompt - 8].mean() < 1 < differences[prompt : prompt + 256].max()


def test_real_time_needs_a_control_rate() -> None:
    code, events, _ = work([{"id": 0, "task": "rebuild-l1", "seed": 7}], "--mode", "realtime")
    assert code == 5 and events[-1]["code"] == "unsupported_mode"
    assert work([], "--mode", "realtime", "--loop", "open")[0] == 2


def test_marks_are_where_a_command_acts() -> None:
    environment = adapters.make("tabletop", "put-into-l1", Variant("jpeg", 1))
    environment.reset(4)
    command = environment.plan()[0]
    (x, y), (to_x, to_y) = environment.marks(command, "top", 256, 128)
    assert abs(y - 128 * (command.values[0] - 0.25) / 0.5) < 1 and abs(x - 256 * (command.values[1] + 0.5)) < 1
    assert abs(to_y - 128 * (command.values[3] - 0.25) / 0.5) < 1 and abs(to_x - 256 * (command.values[4] + 0.5)) < 1
    for place in environment.marks(command, "front", 256, 128):
        assert 0 <= place[0] <= 256 and 0 <= place[1] <= 128
    environment.close()


def test_a_sentence_is_shown_step_by_step() -> None:
    text = sentence.say([sentence.move_of("push", [1] * 6), sentence.move_of("pick_and_place", [2] * 6)])
    first, second = steps_of(text)
    assert f"{first} {second}" == text and first.startswith("1: push from") and second.startswith("2: pick from")
    assert steps_of("") == ()


def test_words_and_pictures_flow_over_lines() -> None:
    picture = np.full((64, 128, 3), (200, 10, 10), np.uint8)
    parts = ["Put the", picture, "into the", picture, "and then " * 12]
    sheet = np.asarray(flow(parts, 300))
    assert sheet.shape[1] == 300 and sheet.shape[0] > 2 * 72
    assert (np.abs(sheet.astype(int) - [200, 10, 10]).sum(axis=2) < 30).sum() == 2 * 72 * 144
