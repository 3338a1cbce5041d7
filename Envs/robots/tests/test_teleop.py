"""A person leads: the numbers that wishes become, taking over from a policy, and what the recording says of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for, error, toy_capabilities
from mcap.reader import make_reader
from model_arm import franka
from test_arm_run import Dog, Lines, Resources, capabilities, sideways
from uio2_client import Client, ClientError, observation
from uio2_client import uio2_pb2 as pb
from uio2_envs import toy
from uio2_envs.environment import EnvironmentFailure
from uio2_envs.events import EventStream

from uio2_robots.plan import Plan
from uio2_robots.recording import Recording
from uio2_robots.run import Run
from uio2_robots.teleop import attended, command, inputs, simulated
from uio2_robots.teleop.hand import Hand, measure_of, part_of
from uio2_robots.teleop.inputs import InputFailure, ScriptedInput, Wish
from uio2_robots.teleop.operated import Operated, Relay
from uio2_robots.teleop.person import Person

RIGHT = Wish((1, 0, 0))


def hand_of(found: pb.Capabilities, **options) -> Hand:
    drives = {quantity.name: part_of(quantity.name) for quantity in found.actions}
    return Hand(
        found, drives, {quantity.name: measure_of(quantity.name) for quantity in found.proprioception}, **options
    )


def read(file: Path) -> list[tuple[str, bytes]]:
    with file.open("rb") as stream:
        return [(channel.topic, message.data) for _, channel, message in make_reader(stream).iter_messages()]


class Held:
    """A device that a test turns."""

    def __init__(self) -> None:
        self.wish, self.words, self.fails = Wish(), [], False

    def read(self) -> Wish:
        if self.fails:
            raise InputFailure("input_gone", "input", "unplugged")
        words, self.words = tuple(self.words), []
        return Wish(self.wish.linear, self.wish.angular, words)

    def close(self) -> None:
        pass


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# The hand


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("delta_x", "translation_x"), ("end_effector_z", "translation_z"), ("gripper", "gripper"),
        ("yaw", "rotation_z"), ("rotation_y", "rotation_y"), ("joint_3", None),
    ],
)  # fmt: skip
def test_names_of_simulated_bodies_say_what_they_drive(name: str, part: str | None) -> None:
    assert part_of(name) == part


def test_wishes_are_displacements_within_the_policys_range() -> None:
    found = toy_capabilities()
    hand = hand_of(found, speed=0.5)
    felt = [0.0, 0.0]
    assert hand.length == 2  # a twentieth of a second
    (y, x), _ = hand.actions(RIGHT, felt)
    assert y == 0 and x == pytest.approx(0.35 * 0.5 / 50)
    hand.note([inputs.FASTER] * 9)
    assert hand.actions(RIGHT, felt)[0][1] == pytest.approx(0.01)
    assert hand_of(found, speed=9.0).actions(RIGHT, felt)[0][1] == pytest.approx(0.02), "the policy's range"
    hand.note([inputs.SLOWER] * 9)
    assert hand.actions(RIGHT, felt)[0][1] == pytest.approx(0.1 * 0.01)


def test_the_grip_stays_as_it_was_until_the_person_says_otherwise() -> None:
    found = capabilities()
    hand = hand_of(found)
    hand.begin([0, 0.5, 0.2, 1.0], [0, 0, 0, 0.9])
    assert hand.actions(Wish(), [0, 0.5, 0.2, 1.0])[0] == [0, 0, 0, 1.0], "the policy had closed it"
    hand.note([inputs.GRIP])
    assert hand.actions(Wish(), [0, 0.5, 0.2, 1.0])[0][3] == -1.0
    hand.begin([0, 0.5, 0.2, 0.1], None)
    assert hand.actions(Wish(), [0, 0.5, 0.2, 0.1])[0][3] == 1.0, "what is measured"


def test_absolute_commands_begin_where_the_tool_is_and_do_not_run_away() -> None:
    def quantity(name: str) -> pb.QuantitySpecification:
        return pb.QuantitySpecification(name=name, unit="m", minimum=-1, maximum=1)

    names = [f"position_{axis}" for axis in "xyz"]
    found = pb.Capabilities(
        actions=[quantity(name) for name in names], proprioception=[quantity(name) for name in names],
        action_mode="absolute", chunk_length=4, control_rate=50,
    )  # fmt: skip
    hand = hand_of(found)
    felt = [0.1, 0.2, 0.3]
    hand.begin(felt, None)
    assert hand.actions(Wish(), felt)[0] == pytest.approx(felt)
    for _ in range(200):
        last = hand.actions(RIGHT, felt)[-1]
    assert last == pytest.approx([0.13, 0.2, 0.3]), "an arm that is blocked is not led through what blocks it"
    assert hand.actions(Wish(), [0.12, 0.2, 0.3])[0] == pytest.approx([0.13, 0.2, 0.3])
    blind = pb.Capabilities(actions=found.actions, action_mode="absolute", chunk_length=4, control_rate=50)
    with pytest.raises(EnvironmentFailure, match="pose to begin from"):
        hand_of(blind)


def test_bodies_that_no_key_can_say_are_refused() -> None:
    with pytest.raises(EnvironmentFailure, match="sentences"):
        hand_of(pb.Capabilities(action_mode="pick_and_place"))
    strange = pb.Capabilities(actions=[pb.QuantitySpecification(name="joint_1")], action_mode="delta")
    with pytest.raises(EnvironmentFailure, match="no key says"):
        hand_of(strange)


# The person


def test_a_device_that_is_gone_or_silent_says_nothing() -> None:
    now = 0.0
    device = Held()
    person = Person(lambda: device, clock=lambda: now)
    with pytest.raises(InputFailure, match="not read"):
        person.wish()
    person.poll(device)
    assert person.wish() == (Wish(), [])
    now += 1
    with pytest.raises(InputFailure, match="not read"):
        person.wish()


def test_a_device_that_cannot_be_opened_is_said() -> None:
    def make():
        raise InputFailure("no_gamepad", "gamepad", "none is connected")

    with pytest.raises(InputFailure, match="none is connected"):
        Person(make).start()


# A simulated body


def fly(tmp_path: Path, person: Person, client=None, plan=None, seeds=(3,), environment=None, **options):
    """Episodes of the toy, recorded; what came of them, and the messages of the recording."""
    environment = environment or toy.make("reach-green")
    recording = Recording(tmp_path / "a.mcap", print)
    wishes = [simulated.CameraWish("overhead", 32, 32)]
    alone = simulated.alone(environment, wishes, 1 if plan else None) if client is None else None
    operated = Operated(
        client, alone, person, hand_of, "person", recording.observe, plan=plan and (lambda: plan(environment))
    )
    said: list[str] = []
    runner = simulated.Simulated(
        environment, operated, person, EventStream(None), said.append, recording, plan is not None, **options
    )
    try:
        results = runner.run(seeds, 5.0)
    finally:
        person.close()
        recording.close()
    return results, read(tmp_path / "a.mcap"), said


def test_an_expert_demonstrates_and_every_answer_is_marked_as_a_persons(tmp_path: Path) -> None:
    person = Person(lambda: ScriptedInput([]))
    results, messages, said = fly(
        tmp_path, person, plan=lambda environment: [environment.expert().tolist()], seeds=range(3)
    )
    assert [row["success"] for row in results] == [True] * 3 and "success" in said[0]
    answers = [pb.Reply.FromString(data) for topic, data in messages if topic == "/uio2/reply/operator"]
    seen = [pb.Request.FromString(data) for topic, data in messages if topic == "/uio2/request"]
    observations = [request for request in seen if request.WhichOneof("body") == "observation"]
    assert len(answers) == len(observations) == sum(row["steps"] for row in results)
    assert [a.request_id for a in answers] == [o.request_id for o in observations]
    marks = [json.loads(data) for topic, data in messages if topic == "/uio2/episode"]
    assert [mark["event"] for mark in marks] == ["began", "ended"] * 3
    assert [mark["seed"] for mark in marks[1::2]] == [0, 1, 2] and all(mark["success"] is True for mark in marks[1::2])
    hello = next(pb.Reply.FromString(data) for topic, data in messages if topic == "/uio2/reply")
    assert hello.capabilities.policy_name == "operator" and hello.session_id == "person"


def test_a_person_leads_in_real_time_and_says_how_it_went(tmp_path: Path) -> None:
    device, person = Held(), None
    person = Person(lambda: device)
    device.wish = RIGHT

    def act() -> None:
        until(lambda: any(mark == "moved" for mark in moved))
        device.words.append(inputs.FAILURE)

    environment = toy.make("reach-red")  # to the left
    moved: list[str] = []
    plain = environment.step

    def step(action, primitive=""):
        if np.any(action):
            moved.append("moved" if len(moved) > 10 else "moves")
        return plain(action, primitive)

    environment.step = step  # type: ignore[method-assign]
    worker = threading.Thread(target=act)
    worker.start()
    results, messages, _ = fly(tmp_path, person, environment=environment)
    worker.join()
    assert results[0]["success"] is False and results[0]["driven"] > 3
    end = [json.loads(data) for topic, data in messages if topic == "/uio2/episode"][-1]
    assert end["event"] == "ended" and end["success"] is False


def test_a_person_takes_over_in_mid_episode_and_hands_back(tmp_path: Path) -> None:
    device = Held()
    person = Person(lambda: device, leads=False)
    device.wish = Wish((0, 1, 0))

    def down(index: int, seen: pb.Observation) -> pb.ActionChunk:
        return chunk_for(seen, [[-0.002, 0.0]] * 4)  # y, x

    commands: list[float] = []
    environment = toy.make("reach-green")
    plain = environment.step

    def step(action, primitive=""):
        commands.append(float(action[1]))
        return plain(action, primitive)

    environment.step = step  # type: ignore[method-assign]
    failures: list[BaseException] = []

    def act() -> None:
        try:
            until(lambda: commands.count(-0.002) > 8)
            device.words.append(inputs.SWITCH)
            until(lambda: sum(value > 0 for value in commands) > 8)
            device.words.append(inputs.SWITCH)
            led = len(commands)
            until(lambda: commands[led + 10 :].count(-0.002) > 4)
            device.words.append(inputs.QUIT)
        except BaseException as failure:
            failures.append(failure)
            device.words.append(inputs.QUIT)

    worker = threading.Thread(target=act)
    recording = Recording(tmp_path / "a.mcap", print)
    relay = Relay(recording.observe)
    with (
        FakeDaemon(down, toy_capabilities()) as daemon,
        Client(daemon.address, "both", observer=relay.observe) as client,
    ):
        operated = Operated(client, None, person, hand_of, "", recording.observe, relay=relay)
        runner = simulated.Simulated(environment, operated, person, EventStream(None), print, recording)
        worker.start()
        runner.run([3])
        person.close()
        worker.join()
    recording.close()
    assert not failures
    # No command of the policy between two of the person.
    signs = [np.sign(value) for value in commands if value]
    changes = [place for place in range(1, len(signs)) if signs[place] != signs[place - 1]]
    assert len(changes) == 2 and signs[0] == signs[-1] == -1
    messages = read(tmp_path / "a.mcap")
    assert {pb.Reply.FromString(data).session_id for topic, data in messages if "reply" in topic} == {"both"}
    topics = [topic for topic, data in messages if topic.startswith("/uio2/reply")
              and pb.Reply.FromString(data).WhichOneof("body") == "action_chunk"]  # fmt: skip
    seen = [data for topic, data in messages if topic == "/uio2/request"
            and pb.Request.FromString(data).WhichOneof("body") == "observation"]  # fmt: skip
    assert len(seen) == len(topics), "what the policy is shown meanwhile is not recorded"
    assert len(daemon.observations) > sum(topic == "/uio2/reply" for topic in topics), "it is shown something"
    led = [topic == "/uio2/reply/operator" for topic in topics]
    assert not led[0] and not led[-1] and any(led)


def test_a_device_that_is_unplugged_stops_the_body(tmp_path: Path) -> None:
    device, said = Held(), []
    person = Person(lambda: device, log=said.append)
    device.wish = RIGHT
    commands: list[bool] = []
    environment = toy.make("reach-red")
    plain = environment.step

    def step(action, primitive=""):
        commands.append(bool(np.any(action)))
        if commands.count(True) == 10:
            device.fails = True
        return plain(action, primitive)

    environment.step = step  # type: ignore[method-assign]
    fly(tmp_path, person, environment=environment)
    # An answer lasts two control steps, and the thread reads the device every centisecond.
    assert len(commands) == 100 and commands.count(True) < 20 and not any(commands[-60:])


# An arm


class ArmFlight:
    def __init__(self, device: Held, client, leads: bool | None) -> None:
        self.resources, self.device = Resources(), device
        self.person = Person(lambda: device, leads=leads)
        configuration = replace(franka(), end="hold")
        drives = {mapped.quantity.name: mapped.part for mapped in configuration.actions}
        measures = {mapped.quantity.name: mapped.part for mapped in configuration.proprioception}
        cameras = (simulated.CameraWish("topview", 16, 16),)
        self.operated = Operated(
            client, None if client else attended.alone(configuration, cameras), self.person,
            lambda found: Hand(found, drives, measures), "arm",
        )  # fmt: skip
        plan = Plan(configuration, "", 20.0, confirmed=True) if client is None else Plan(
            configuration, "Move the gripper to the red goal point.", 20.0, confirmed=True)  # fmt: skip
        self.said: list[str] = []
        self.run = Run(plan, self.operated, attended.Attended(self.resources, self.person), Lines().next,
                       EventStream(None), self.said.append, Dog)  # fmt: skip

    @property
    def y(self) -> float:
        return float(self.resources.arms[0].position[1])


def during(flight: ArmFlight, scene: Callable[[], None]):
    """The result of the run while ``scene`` turns the device."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            until(lambda: bool(flight.resources.arms))
            scene()
        except BaseException as failure:
            failures.append(failure)
        finally:
            flight.device.words.append(inputs.QUIT)

    worker = threading.Thread(target=guarded)
    worker.start()
    result = flight.run.run()
    flight.person.close()
    worker.join()
    if failures:
        raise failures[0]
    return result


def test_a_person_leads_an_arm_alone_and_stops_it() -> None:
    device = Held()
    flight = ArmFlight(device, None, None)

    def scene() -> None:
        device.wish = RIGHT
        until(lambda: flight.y < -0.02)
        device.words.append(inputs.STOP)
        until(lambda: float(np.linalg.norm(flight.resources.arms[0].velocity)) == 0.0)
        rests = flight.y
        time.sleep(0.2)
        assert flight.y == rests, "the key is still pressed, and nobody has said go"
        device.words.append(inputs.GO)
        until(lambda: flight.y < rests - 0.01)
        device.wish = Wish()

    assert during(flight, scene) is None
    assert any("stopped by the operator" in line for line in flight.said)


def test_success_is_what_the_person_says() -> None:
    device = Held()
    flight = ArmFlight(device, None, None)

    def scene() -> None:
        device.words.append(inputs.SUCCESS)
        until(lambda: flight.person.outcome is True)

    assert during(flight, scene).success


def test_a_person_takes_an_arm_over_while_the_daemon_is_dead() -> None:
    device = Held()
    with FakeDaemon(sideways, capabilities()) as daemon, Client(daemon.address, timeout=1.0) as client:
        flight = ArmFlight(device, client, False)

        def scene() -> None:
            until(lambda: flight.y < -0.01)
            daemon.die()
            until(lambda: any(line.startswith("holding: ") for line in flight.said))
            device.wish = Wish((-1, 0, 0))
            device.words.append(inputs.SWITCH)
            until(lambda: flight.person.leads)
            rests = flight.y
            time.sleep(0.2)
            assert abs(flight.y - rests) < 0.02, "the latch holds for the person too"
            device.words.append(inputs.GO)
            until(lambda: flight.y > rests + 0.01)

        during(flight, scene)


def test_a_stop_at_the_daemon_holds_for_the_person_too() -> None:
    device = Held()
    stopped = threading.Event()

    def answer(index: int, seen: pb.Observation):
        return error("stopped") if stopped.is_set() else sideways(index, seen)

    with FakeDaemon(answer, capabilities()) as daemon, Client(daemon.address, timeout=1.0) as client:
        flight = ArmFlight(device, client, False)

        def scene() -> None:
            device.wish = RIGHT
            device.words.append(inputs.SWITCH)
            until(lambda: flight.person.leads and flight.y < -0.01)
            stopped.set()
            asked = len(daemon.observations)
            until(lambda: len(daemon.observations) > asked)
            until(lambda: float(np.linalg.norm(flight.resources.arms[0].velocity)) == 0.0)
            rests = flight.y
            time.sleep(0.4)
            assert flight.y == rests
            daemon.die()
            time.sleep(0.4)
            assert flight.y == rests, "a daemon that is gone has resumed nothing"

        during(flight, scene)


# The command


def test_the_command_demonstrates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.mcap"
    words = [
        "toy:reach-red",
        "--input",
        "expert",
        "--episodes",
        "2",
        "--camera",
        "overhead=32x24@40",
        "--record",
        str(file),
    ]
    assert command.main(words, lambda: "") == 0, capsys.readouterr().err
    frames = [pb.Request.FromString(data).observation.frames for topic, data in read(file) if topic == "/uio2/request"]
    assert {(frame.camera, frame.width, frame.height) for found in frames for frame in found} == {("overhead", 32, 24)}
    assert command.main(words, lambda: "") == 5 and "replaces nothing" in capsys.readouterr().err
    for wrong in (["toy"], ["nothing:task"], ["franka", "--input", "expert"], ["toy:reach-red", "--camera", "a=0x3"]):
        with pytest.raises(SystemExit) as caught:
            command.main(wrong, lambda: "")
        assert caught.value.code == 2


def test_an_operator_that_is_not_answered_by_a_device_moves_nothing() -> None:
    environment = toy.make("reach-red")
    person = Person(lambda: Held())
    operated = Operated(None, simulated.alone(environment, []), person, hand_of, "a")
    operated.hello()
    with pytest.raises(ClientError) as caught:
        operated.act(observation(1, frames={}, proprioception=[0.0, 0.0], instruction=""))
    assert caught.value.code == "stopped"


def test_a_recording_is_a_film(tmp_path: Path) -> None:
    imageio = pytest.importorskip("imageio.v3")
    from uio2_robots.film import NoFilm, film

    words = ["toy:reach-red", "--input", "expert", "--camera", "overhead=64x48", "--camera", "follow=64x48"]
    assert command.main([*words, "--record", str(tmp_path / "a.mcap")], lambda: "") == 0
    pictures = imageio.imread(film(tmp_path / "a.mcap", tmp_path / "a.mp4"))
    steps = sum(topic == "/uio2/reply/operator" for topic, _ in read(tmp_path / "a.mcap"))
    assert len(pictures) >= steps and pictures[0].shape[1] > 2 * pictures[0].shape[0] * 0.8
    assert command.main(["toy:reach-red", "--input", "expert", "--record", str(tmp_path / "b.mcap")], lambda: "") == 0
    with pytest.raises(NoFilm, match="no pictures"):
        film(tmp_path / "b.mcap", tmp_path / "b.mp4")
