"""The control loop against scripted answers, without sockets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import chunk_for, toy_capabilities
from uio2_client import ClientError, Timeout
from uio2_client import uio2_pb2 as pb

from uio2_envs import toy
from uio2_envs.agreement import Agreement, Disagreed, disagreements
from uio2_envs.clock import SimulatedClock
from uio2_envs.environment import EnvironmentFailure
from uio2_envs.patience import Patience, RobotFailure
from uio2_envs.perturbed import perturbed
from uio2_envs.robot import EpisodeResult, PolicyStep, Robot
from uio2_envs.speech import SpokenFiles

SEED = 5
QUICK = Patience(timeouts=3, superseded=4, refused_seconds=0.05, pause_seconds=0.001)


class ScriptedLink:
    """Answers the n-th observation with what ``script(n, observation)`` returns or raises."""

    def __init__(self, script: Callable[[int, pb.Observation], pb.ActionChunk]) -> None:
        self.script = script
        self.observations: list[pb.Observation] = []
        self.resets = 0

    def reset(self) -> bool:
        self.resets += 1
        return False

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        self.observations.append(observation)
        return self.script(len(self.observations) - 1, observation)

    def positions(self) -> np.ndarray:
        """Where the point was at every observation, ``[observations, 2]`` (y, x)."""
        return np.array([list(observation.proprioception) for observation in self.observations])


class SteppedClock(SimulatedClock):
    """A clock on which a test can let time pass."""

    def wait(self, nanoseconds: int) -> None:
        self._now += nanoseconds


def robot(script, steps: list[PolicyStep] | None = None, patience: Patience = QUICK, **options) -> tuple[Robot, ScriptedLink, SteppedClock]:
    environment, link = toy.make("reach-green"), ScriptedLink(script)
    agreement = Agreement(environment.specification, toy_capabilities())
    clock = SteppedClock(environment.specification.control_rate)
    on_step = (lambda step: None) if steps is None else steps.append
    return Robot(environment, agreement, link, clock, patience=patience, on_step=on_step, **options), link, clock


def expert(index: int, seen: pb.Observation) -> pb.ActionChunk:
    """A policy that knows where the disc of ``SEED`` lies."""
    twin = toy.make("reach-green")
    twin.reset(SEED)
    y, x = seen.proprioception
    dx, dy = np.clip(twin._discs["reach-green"] - [x, y], -0.08, 0.08) / 4
    return chunk_for(seen, [[dy, dx]] * 4, confidence=0.9)


def still(index: int, seen: pb.Observation) -> pb.ActionChunk:
    return chunk_for(seen, [[0.0, 0.0]] * 4)


def refuse(code: str):
    raise ClientError(code, "test", "so the test wants it")


def test_success_ends_the_episode() -> None:
    steps: list[PolicyStep] = []
    body, link, _ = robot(expert, steps)
    result = body.run_episode(SEED)
    assert result.success and result.steps < 40 and result.held_steps == 0
    assert link.resets == 1 and result.policy_steps == len(steps) == len(link.observations)
    first = link.observations[0]
    assert [(frame.camera, frame.width, frame.height) for frame in first.frames] == [
        ("overhead", 128, 128),
        ("follow", 64, 64),
    ]
    assert all(frame.encoding == pb.IMAGE_ENCODING_JPEG for frame in first.frames)
    assert first.instruction == toy.TASKS["reach-green"]
    assert [seen.sequence for seen in link.observations] == list(range(1, len(steps) + 1))
    assert [seen.actions_consumed for seen in link.observations] == [0] + [4] * (len(steps) - 1)
    assert steps[0].period_ms is None and steps[1].period_ms > 0
    assert steps[0].latency_ms["vision"] == 2.5 and steps[-1].success
    assert {"round_trip", "render", "simulate"} <= set(steps[0].latency_ms)


def test_same_seed_same_episode_and_sequence_goes_on() -> None:
    body, link, _ = robot(expert)
    first, second = body.run_episode(SEED), body.run_episode(SEED)
    assert (first.steps, first.policy_steps) == (second.steps, second.policy_steps)
    sequences = [seen.sequence for seen in link.observations]
    assert sequences == sorted(set(sequences)) and link.resets == 2
    assert link.observations[first.policy_steps].actions_consumed == 0


def test_step_limit() -> None:
    body, _, _ = robot(still, step_limit=10)
    result = body.run_episode(SEED)
    assert (result.success, result.steps, result.policy_steps) == (False, 10, 3)
    body, _, _ = robot(still, step_limit=10_000)
    assert body.run_episode(SEED).steps == 100, "the environment's own limit holds as well"


def test_superseded_looks_again_without_moving() -> None:
    body, link, _ = robot(lambda n, seen: refuse("superseded") if n in (0, 2) else expert(n, seen))
    result = body.run_episode(SEED)
    assert result.success and result.held_steps == 0
    np.testing.assert_array_equal(link.positions()[0], link.positions()[1])
    # The second observation comes after no chunk, the fourth after the same as the third: a refusal does not take it back.
    assert [seen.actions_consumed for seen in link.observations[:5]] == [0, 0, 4, 4, 4]
    assert not any(seen.skips_executed for seen in link.observations)
    body, _, _ = robot(lambda n, seen: refuse("superseded"))
    with pytest.raises(RobotFailure, match="superseded"):
        body.run_episode(SEED)


@pytest.mark.parametrize("code", ["stopped", "frozen_camera", "stale_observation", "late"])
def test_refusals_hold(code: str) -> None:
    said: list[str] = []
    # However slowly a busy machine gets through three refusals, they are not the thirty seconds that end a run.
    patience = Patience(pause_seconds=0.001)
    body, link, _ = robot(lambda n, seen: refuse(code) if 1 <= n <= 3 else expert(n, seen), None, patience, log=said.append)
    brakes: list[int] = []
    plain = body._environment.brake
    body._environment.brake = lambda: (plain(), brakes.append(1))  # type: ignore[method-assign]
    result = body.run_episode(SEED)
    assert result.success and result.held_steps == len(brakes) == 3
    positions = link.positions()
    assert (positions[1] == positions[4]).all() and (positions[0] != positions[1]).any()
    assert said == [f"{code}: so the test wants it"], "said once, not three times"


def test_a_stop_that_stays_ends_the_run() -> None:
    body, link, _ = robot(lambda n, seen: refuse("stopped"))
    with pytest.raises(RobotFailure) as caught:
        for _ in range(10):
            body.run_episode(SEED)
    assert caught.value.code == "stopped"
    starts = [seen.proprioception for seen in link.observations]
    assert all(start == starts[0] for start in starts)


def test_a_scene_at_rest_fails_its_episode_and_not_the_run() -> None:
    body, link, _ = robot(lambda n, seen: refuse("frozen_camera") if link.resets == 1 else expert(n, seen))
    first, second = body.run_episode(SEED), body.run_episode(SEED)
    assert (first.success, first.held_steps) == (False, 100) and second.success


def test_other_errors_end_the_run() -> None:
    body, link, _ = robot(lambda n, seen: refuse("invalid_image"))
    with pytest.raises(RobotFailure) as caught:
        body.run_episode(SEED)
    assert (caught.value.code, caught.value.subject, len(link.observations)) == ("invalid_image", "test", 1)


def test_silence_holds_and_is_bounded() -> None:
    def silent(n: int, seen: pb.Observation) -> pb.ActionChunk:
        if n in (1, 2):
            raise Timeout("tcp://x", 0.1)
        return expert(n, seen)

    body, link, _ = robot(silent)
    result = body.run_episode(SEED)
    assert result.success and result.held_steps == 2
    assert (link.positions()[1] == link.positions()[3]).all(), "no old action is executed again"

    def mute(n: int, seen: pb.Observation) -> pb.ActionChunk:
        raise Timeout("tcp://x", 0.1)

    body, link, _ = robot(mute)
    with pytest.raises(RobotFailure, match="timeout"):
        body.run_episode(SEED)
    assert len(link.observations) == 3


def test_late_actions_are_not_begun() -> None:
    """Half of a chunk is valid: two control steps of 20 ms fit before ``valid_until``, the rest is dropped."""
    steps: list[PolicyStep] = []
    body, link, _ = robot(lambda n, seen: chunk_for(seen, [[0.0, 0.01]] * 4, valid_ns=30_000_000), steps, step_limit=9)
    result = body.run_episode(SEED)
    assert (result.steps, result.held_steps, result.policy_steps) == (9, 3, 3)
    assert [seen.actions_consumed for seen in link.observations] == [0, 2, 2]
    np.testing.assert_allclose(np.diff(link.positions()[:, 1]), 0.02)

    def slow(n: int, seen: pb.Observation) -> pb.ActionChunk:
        clock.wait(1_000_000_000)
        return chunk_for(seen, [[0.0, 0.01]] * 4, valid_ns=200_000_000)

    body, link, clock = robot(slow, step_limit=5)
    result = body.run_episode(SEED)
    assert (result.steps, result.held_steps) == (5, 5)
    assert (link.positions() == link.positions()[0]).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda chunk: chunk.actions[3].values.__setitem__(0, float("nan")),
        lambda chunk: chunk.actions[3].values.append(0.0),
        lambda chunk: chunk.actions[3].ClearField("values"),
        lambda chunk: chunk.actions.add(values=[0.0, 0.0]),
        lambda chunk: chunk.ClearField("actions"),
        lambda chunk: setattr(chunk.actions[0], "primitive", "push"),
        lambda chunk: setattr(chunk, "observation_sequence", 999),
        lambda chunk: setattr(chunk, "captured_at", 1),
        lambda chunk: setattr(chunk, "policy_digest", "another"),
    ],
)
def test_a_bad_chunk_moves_nothing(spoil) -> None:
    def answer(n: int, seen: pb.Observation) -> pb.ActionChunk:
        chunk = chunk_for(seen, [[0.01, 0.01]] * 4)
        spoil(chunk)
        return chunk

    body, link, _ = robot(answer)
    with pytest.raises(RobotFailure, match="invalid_action|malformed|policy_changed"):
        body.run_episode(SEED)
    assert body._environment.steps == 0


def test_limited_actions_are_counted() -> None:
    def limited(n: int, seen: pb.Observation) -> pb.ActionChunk:
        chunk = still(n, seen)
        chunk.actions[1].limited = pb.LIMIT_FLAG_SPEED
        return chunk

    steps: list[PolicyStep] = []
    body, _, _ = robot(limited, steps, step_limit=8)
    assert body.run_episode(SEED).limited_actions == 2
    assert [step.limited for step in steps] == [1, 1]


def test_final_frames_only_when_asked() -> None:
    seen: list[EpisodeResult] = []
    options = {"step_limit": 8, "on_frames": lambda frames, result: seen.append(result)}
    robot(still, final_frames=True, **options)[0].run_episode(SEED)
    assert len(seen) == 3
    seen.clear()
    robot(still, **options)[0].run_episode(SEED)
    assert len(seen) == 2


def _set(message, **fields) -> None:
    for name, value in fields.items():
        setattr(message, name, value)


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("unknown_camera", lambda c: setattr(c.cameras[0], "name", "wrist")),
        ("invalid_camera_size", lambda c: setattr(c.cameras[0], "width", 0)),
        ("invalid_field_of_view", lambda c: setattr(c.cameras[0], "vertical_field_of_view", 180.0)),
        ("unknown_proprioception", lambda c: setattr(c.proprioception[0], "name", "position_z")),
        ("unknown_proprioception", lambda c: setattr(c.proprioception[0], "name", "position_x")),
        ("unit_differs", lambda c: setattr(c.proprioception[0], "unit", "mm")),
        ("unknown_action", lambda c: setattr(c.actions[0], "name", "delta_z")),
        ("unknown_action", lambda c: c.ClearField("actions")),
        ("unit_differs", lambda c: setattr(c.actions[0], "unit", "rad")),
        ("range_differs", lambda c: setattr(c.actions[0], "maximum", 0.05)),
        ("range_differs", lambda c: setattr(c.actions[0], "minimum", float("nan"))),
        ("action_frame_differs", lambda c: setattr(c, "action_frame", "tool")),
        ("action_mode_differs", lambda c: setattr(c, "action_mode", "absolute")),
        ("hold_differs", lambda c: setattr(c, "hold", "repeat")),
        ("invalid_chunk_length", lambda c: setattr(c, "chunk_length", 0)),
        ("control_rate_differs", lambda c: setattr(c, "control_rate", 20.0)),
        ("control_rate_differs", lambda c: setattr(c, "control_rate", float("nan"))),
        ("range_differs", lambda c: _set(c.proprioception[0], minimum=500, maximum=900, tolerance=20)),
        ("range_differs", lambda c: _set(c.proprioception[1], minimum=-9, maximum=-8)),
        ("unknown_limit", lambda c: c.limits.dimensions.add(name="delta_z", maximum_rate=1)),
        ("invalid_limit", lambda c: c.limits.dimensions.add(name="delta_x", position=[1, -1])),
        ("invalid_limit", lambda c: c.limits.dimensions.add(name="delta_x", position=[1])),
    ],
)
def test_every_disagreement_is_found(code: str, spoil) -> None:
    specification, capabilities = toy.make("reach-red").specification, toy_capabilities()
    assert disagreements(specification, capabilities) == []
    spoil(capabilities)
    assert [point.code for point in disagreements(specification, capabilities)] == [code]
    with pytest.raises(Disagreed):
        Agreement(specification, capabilities)


@pytest.mark.parametrize(
    ("sentence", "known"),
    [
        ("Move the white point onto the red disc.", True),
        ("MOVE the white  point\nonto the red disc", True),
        ("Move the white point onto the red disc!", True),
        ("Move the white point.", False),
    ],
)
def test_the_policy_must_know_the_sentence(sentence: str, known: bool) -> None:
    specification = toy.make("reach-red").specification
    capabilities = toy_capabilities(instructions=["Wave.", "Move the white point onto the red disc."])
    points = disagreements(specification, capabilities, sentence)
    assert [point.code for point in points] == ([] if known else ["unknown_instruction"])
    assert disagreements(specification, toy_capabilities(), sentence) == []  # free text


HEARS = pb.AudioSpecification(name="instruction", maximum_duration=4, replaces_instruction=True)
HEARS_BESIDE = pb.AudioSpecification(name="warning", maximum_duration=4)


def said(seed: int) -> pb.AudioClip:
    return pb.AudioClip(encoding=pb.AUDIO_ENCODING_PCM16, data=bytes([seed, 1]))


def speaking(capabilities: pb.Capabilities, speech=said) -> tuple[Robot, ScriptedLink]:
    environment, link = toy.make("reach-green"), ScriptedLink(expert)
    agreement = Agreement(
        environment.specification, capabilities, environment.instruction, speaks=speech is not None
    )
    clock = SteppedClock(environment.specification.control_rate)
    return Robot(environment, agreement, link, clock, patience=QUICK, speech=speech), link


def test_a_robot_that_speaks_says_the_same_all_episode_and_sends_no_words() -> None:
    # The policy's list of sentences is for words.
    body, link = speaking(toy_capabilities(audio=HEARS, instructions=["Something else."]))
    assert body.run_episode(SEED).success
    first = len(link.observations)
    assert first > 1 and {seen.audio.data for seen in link.observations} == {bytes([SEED, 1])}
    assert {seen.instruction for seen in link.observations} == {""}
    body.run_episode(SEED + 1)
    assert {seen.audio.data for seen in link.observations[first:]} == {bytes([SEED + 1, 1])}


def test_a_robot_that_speaks_of_pictures_sends_the_pictures_without_the_words() -> None:
    picture = np.full((8, 8, 3), 200, np.uint8)
    for speech, shapes in ((said, ["image"]), (None, ["text", "image", "text"])):
        environment, link = toy.make("reach-green"), ScriptedLink(expert)
        kind = type("Pictured", (type(environment),), {"prompt": property(lambda self: ("Move onto", picture, "."))})
        environment.__class__ = kind
        capabilities = toy_capabilities(audio=HEARS)
        agreement = Agreement(environment.specification, capabilities, speaks=speech is not None)
        clock = SteppedClock(environment.specification.control_rate)
        Robot(environment, agreement, link, clock, patience=QUICK, speech=speech).run_episode(SEED)
        for seen in link.observations:
            assert [part.WhichOneof("part") for part in seen.prompt] == shapes and seen.instruction == ""
            assert seen.HasField("audio") == (speech is not None)


def test_a_sound_may_come_beside_the_words() -> None:
    body, link = speaking(toy_capabilities(audio=HEARS_BESIDE))
    body.run_episode(SEED)
    assert {seen.instruction for seen in link.observations} == {toy.TASKS["reach-green"]}
    assert all(seen.HasField("audio") for seen in link.observations)


def test_a_silent_robot_sends_words_to_a_policy_that_takes_either() -> None:
    body, link = speaking(toy_capabilities(audio=HEARS), speech=None)
    body.run_episode(SEED)
    assert {seen.instruction for seen in link.observations} == {toy.TASKS["reach-green"]}
    assert not any(seen.HasField("audio") for seen in link.observations)


def test_sounds_that_nobody_hears_and_sounds_that_are_missing_are_disagreements() -> None:
    specification = toy.make("reach-green").specification
    for capabilities, speaks, codes in [
        (toy_capabilities(), True, ["unheard_audio"]),
        (toy_capabilities(audio=HEARS_BESIDE), False, ["missing_audio"]),
        (toy_capabilities(audio=HEARS_BESIDE), True, []),
        (toy_capabilities(audio=HEARS), False, []),
        (toy_capabilities(audio=HEARS), True, []),
    ]:
        assert [point.code for point in disagreements(specification, capabilities, speaks=speaks)] == codes


def test_spoken_files_are_chosen_by_task_and_seed(tmp_path: Path) -> None:
    wave = b"RIFF....WAVE"
    for task in ("a", "b"):
        (tmp_path / task).mkdir()
        for index in range(3):
            (tmp_path / task / f"{index}.wav").write_bytes(wave + f"{task}{index}".encode())
    (tmp_path / "a" / "notes.txt").write_text("not a sound")
    files = SpokenFiles(tmp_path)
    assert [files("a", seed).data[12:] for seed in (0, 1, 2, 3)] == [b"a0", b"a1", b"a2", b"a0"]
    assert files("b", 4).data[12:] == b"b1" and files("b", 4) is files("b", 1)
    one = SpokenFiles(tmp_path / "a" / "1.wav")
    assert one("a", 0) == one("b", 7) == files("a", 1)
    (tmp_path / "a" / "0.wav").write_bytes(b"no sound")
    for speech, task in ((files, "c"), (SpokenFiles(tmp_path / "a" / "0.wav"), "a")):
        with pytest.raises(EnvironmentFailure, match="no_speech"):
            speech(task, 0)
    with pytest.raises(EnvironmentFailure, match="no_speech"):
        SpokenFiles(tmp_path / "missing")


@pytest.mark.parametrize("perturbation", [None, "jpeg"])
def test_a_simulator_that_gives_up_ends_the_episode(perturbation: str | None) -> None:
    inner = toy.make("reach-green")
    execute = inner._step

    def step(action: np.ndarray) -> bool:
        inner.over = inner.steps == 5
        return execute(action)

    inner._step = step
    environment = perturbed(inner, perturbation, 1)
    agreement = Agreement(environment.specification, toy_capabilities())
    clock = SteppedClock(environment.specification.control_rate)
    body = Robot(environment, agreement, ScriptedLink(still), clock, patience=QUICK)
    for _ in range(2):
        result = body.run_episode(SEED)
        assert result.steps == 6 and not result.success
    with pytest.raises(EnvironmentFailure, match="episode_ended"):
        environment.step(environment.hold_action())
