"""The table is an environment; what its primitives do, and what goes wrong, is decided by physics."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from uio2_client import camera_frame, observation
from uio2_client import uio2_pb2 as pb

from uio2_envs import adapters, expert
from uio2_envs.conformance import PrimitiveConformance
from uio2_envs.environment import Environment
from uio2_envs.variant import Variant

if find_spec("mujoco") is None:
    pytest.skip("needs MuJoCo", allow_module_level=True)

# First, because it chooses how MuJoCo draws.
from uio2_tabletop import adapter  # noqa: I001, F401
import mujoco
from uio2_tabletop import sentence, sentences, tasks
from uio2_tabletop.__main__ import main
from uio2_tabletop.goals import carry, is_inside
from uio2_tabletop.levels import LEVELS, combinations
from uio2_tabletop.model import Thing, field_of_view
from uio2_tabletop.trial import Trial
from uio2_tabletop.world import Outcome, World
from uio2_tabletop.moves import PICK_AND_PLACE, PUSH, Move, Pose

CASES = json.loads((Path(__file__).parent / "sentences.json").read_text())
"""Sentences that the daemon's tests read as well."""


class TestPutInto(PrimitiveConformance):
    def make(self) -> Environment:
        return adapters.make("tabletop", "put-into-l1")


class TestFollow(PrimitiveConformance):
    def make(self) -> Environment:
        return adapters.make("tabletop", "follow-l3")


class TestSweep(PrimitiveConformance):
    def make(self) -> Environment:
        return adapters.make("tabletop", "sweep-l2")


# What goes wrong.


def world_of(*things: tuple[Thing, Pose]) -> World:
    return World([thing for thing, _ in things], {index: pose for index, (_, pose) in enumerate(things)})


def pick(x: float, y: float, to: tuple[float, float] = (0.6, 0.3)) -> Move:
    return Move(PICK_AND_PLACE, Pose(x, y), Pose(*to))


SQUARE = Thing("square", "red")


def test_a_thing_is_carried_and_turned() -> None:
    world = world_of((SQUARE, Pose(0.4, -0.2, 0.5)))
    report = world.execute(Move(PICK_AND_PLACE, Pose(0.4, -0.2, 0.3), Pose(0.62, 0.31, 1.1)))
    pose = world.pose(0)
    assert (report.outcome, report.thing) == (Outcome.DONE, 0)
    assert (pose.x, pose.y) == pytest.approx((0.62, 0.31), abs=5e-4)
    assert pose.rotation == pytest.approx(0.5 + 0.8, abs=0.01)
    assert world.height(0) < 1e-3 and world.is_upright(0)


def test_where_nothing_lies_nothing_is_picked() -> None:
    world = world_of((SQUARE, Pose(0.4, -0.2)))
    before = world.pose(0)
    assert world.execute(pick(0.6, 0.2)).outcome == Outcome.NOTHING_THERE
    np.testing.assert_allclose([world.pose(0).x, world.pose(0).y], [before.x, before.y], atol=1e-6)


@pytest.mark.parametrize(
    ("thing", "x"), [(SQUARE, 0.4 + 0.0295), (Thing("ring", "red"), 0.4 + 0.0155), (Thing("dome", "red"), 0.4 + 0.03)]
)
def test_a_cup_leaks_on_edges_and_slopes(thing: Thing, x: float) -> None:
    world = world_of((thing, Pose(0.4, -0.2)))
    report = world.execute(pick(x, -0.2))
    assert report.outcome == Outcome.NO_SEAL
    assert np.hypot(world.pose(0).x - 0.4, world.pose(0).y + 0.2) < 0.02


def test_the_hole_of_a_ring_is_a_hole() -> None:
    world = world_of((Thing("ring", "red"), Pose(0.4, -0.2)))
    assert world.execute(pick(0.4, -0.2)).outcome == Outcome.NOTHING_THERE


def test_what_is_too_heavy_is_torn_off() -> None:
    world = world_of((SQUARE, Pose(0.4, -0.2)))
    body = world.model.body("thing0")
    body.mass, body.inertia = body.mass * 40, body.inertia * 40
    assert world.execute(pick(0.4, -0.2)).outcome == Outcome.TORN_OFF
    assert world.pose(0).y < 0.2


def test_the_blade_pushes_along_its_way() -> None:
    world = world_of((SQUARE, Pose(0.4, 0.0)))
    assert world.execute(Move(PUSH, Pose(0.3, 0.0), Pose(0.5, 0.0))).outcome == Outcome.DONE
    pose = world.pose(0)
    assert 0.52 < pose.x < 0.56 and abs(pose.y) < 0.01


def test_the_blade_cannot_come_down_on_a_thing() -> None:
    world = world_of((SQUARE, Pose(0.4, 0.0)))
    assert world.execute(Move(PUSH, Pose(0.4, 0.0), Pose(0.6, 0.0))).outcome == Outcome.BLOCKED
    assert world.pose(0).x == pytest.approx(0.4, abs=0.01)


def test_a_thing_falls_off_the_table() -> None:
    # The one behind pushes the one in front over the edge.
    world = world_of((SQUARE, Pose(0.5, 0.43)), (SQUARE, Pose(0.5, 0.51)))
    report = world.execute(Move(PUSH, Pose(0.5, 0.36, np.pi / 2), Pose(0.5, 0.5, np.pi / 2)))
    assert report.outcome == Outcome.FELL_OFF
    assert world.fallen == {1} and world.height(1) < -0.5 and world.height(0) > -0.01


def test_what_is_dropped_into_a_bowl_comes_to_lie_in_it() -> None:
    world = world_of((SQUARE, Pose(0.4, -0.2)), (Thing("bowl", "blue"), Pose(0.6, 0.2)))
    assert world.execute(pick(0.4, -0.2, (0.6, 0.2))).outcome == Outcome.DONE
    assert is_inside(world, 0, 1) and world.height(0) == pytest.approx(0.005, abs=1e-3)


# Sentences.


def test_both_sides_say_the_same() -> None:
    for case in CASES["said"]:
        moves = [Move.of(move["primitive"], move["meant"]) for move in case["moves"]]
        assert sentence.say(moves) == case["sentence"]
        for move, found in zip(case["moves"], sentence.read(case["sentence"]), strict=True):
            assert found.primitive == move["primitive"]
            np.testing.assert_allclose(found.values, move["executed"], atol=1e-12)
    for text in CASES["refused"]:
        with pytest.raises(sentence.SentenceError, match="expected .* found"):
            sentence.read(text)


def test_what_is_said_is_read_back_within_half_a_bin() -> None:
    random = np.random.default_rng(3)
    low, high = np.array([span for span in sentence.RANGES * 2]).T
    for _ in range(300):
        meant = [
            Move.of(primitive, random.uniform(low, high))
            for primitive in random.choice([PICK_AND_PLACE, PUSH], 1 + random.integers(5))
        ]
        for one, other in zip(meant, sentence.read(sentence.say(meant)), strict=True):
            assert one.primitive == other.primitive
            assert (np.abs(one.values - other.values) <= (0.5 + 1e-9) * (high - low) / 999).all()
    assert sentence.bins(Move(PUSH, Pose(9, -9, -np.pi / 2), Pose(0, 9, 5 * np.pi))) == [999, 0, 749, 0, 999, 500]


def test_sentences_with_every_number_are_executed() -> None:
    # Every fortieth here; `python -m uio2_tabletop sentences` executes all.
    outcomes, farthest, landed = sentences.execute_all(stride=40)
    assert outcomes.total() == 2 * 26 and farthest < 0.05 and landed < 1
    assert set(outcomes) <= set(Outcome) - {Outcome.UNREADABLE}


@pytest.mark.parametrize("task", ["rotate-l1", "rebuild-l2", "follow-l3", "sweep-l1"])
def test_a_move_that_was_said_lands_where_the_oracle_meant(task: str) -> None:
    half_bins = np.array([0.5, 1.0]) / 999 / 2
    for seed in range(3):
        trial = Trial(task, seed)
        meant = trial.plan()
        for move, said in zip(meant, sentence.read(sentence.say(meant)), strict=True):
            report = trial.execute(said)
            for hand, pose in ((report.began, move.start), (report.ended, move.end)):
                off = np.abs([hand.x - pose.x, hand.y - pose.y])
                # A hundredth of a millimetre is what the servos leave.
                assert (off <= half_bins + 2e-5).all(), (task, seed, off)
                turn = abs((hand.rotation - pose.rotation + np.pi) % (2 * np.pi) - np.pi)
                assert turn <= np.pi / 999 + 2e-4
        assert trial.success


@pytest.mark.parametrize("text", ["", "move it", "1: pick from ( <extra_id_200>", "1: push from ( 1 2 3 )", "\x00"])
def test_what_cannot_be_executed_is_an_outcome(text: str) -> None:
    trial = Trial("put-into-l1", 1)
    before = trial.world.pose(1)
    (report,) = trial.obey(text)
    assert report.outcome == Outcome.UNREADABLE and trial.world.pose(1) == before and not trial.success


# Tasks.


@pytest.mark.parametrize("family", tasks.FAMILIES)
@pytest.mark.parametrize("level", ["l1", "l2", "l3"])
def test_the_oracle_succeeds_and_its_last_move_is_needed(family: str, level: str) -> None:
    trial = Trial(f"{family}-{level}", 1000)
    plan = trial.plan()
    assert 1 <= len(plan) <= tasks.FAMILIES[family].moves and not trial.success
    reports = trial.obey(sentence.say(plan))
    assert trial.success and len(reports) == len(plan), [report.outcome for report in reports]
    assert trial.plan() == []


def test_the_other_thing_is_not_the_one_that_was_asked_for() -> None:
    trial = Trial("put-into-l1", 4)
    world = trial.world
    trial.execute(carry(world.things[2], world.pose(2), world.pose(0), True))
    assert is_inside(world, 2, 0) and not trial.success


def test_scenes_count_in_their_order() -> None:
    trial = Trial("rebuild-restore-l1", 2)
    plan = trial.plan()
    # Only there and back again is what was asked for; staying is not.
    for move in plan[:2]:
        trial.execute(move)
    assert not trial.success and trial.episode.goal.reached == 1
    for move in plan[2:]:
        trial.execute(move)
    assert trial.success


def test_a_line_that_was_crossed_stays_crossed() -> None:
    trial = next(trial for seed in range(50) if len((trial := Trial("sweep-l1", seed)).plan()) == 1)
    move = trial.plan()[0]
    way = np.array([move.end.x - move.start.x, move.end.y - move.start.y])
    far = np.array([move.end.x, move.end.y]) + 0.13 * way / np.linalg.norm(way)
    trial.execute(Move(PUSH, move.start, Pose(*far, move.end.rotation)))
    assert trial.episode.goal.is_crossed
    for move in trial.plan():
        trial.execute(move)
    assert not trial.success


def test_nothing_trained_is_tested() -> None:
    for kind in ("movable", "container"):
        known = {level: set(combinations(kind, level)) for level in LEVELS}
        assert known["l1"] == known["train"] and not known["l2"] & known["train"]
        shapes_of = {level: {shape for shape, _ in pairs} for level, pairs in known.items()}
        textures_of = {level: {texture for _, texture in pairs} for level, pairs in known.items()}
        assert shapes_of["l2"] == shapes_of["train"] and textures_of["l2"] == textures_of["train"]
        assert not shapes_of["l3"] & shapes_of["train"] and not textures_of["l3"] & textures_of["train"]
    for family in tasks.FAMILIES.values():
        places = {
            level: {tuple(tasks.episode(family, level, seed).poses.values()) for seed in range(40)}
            for level in ("train", "l1")
        }
        assert not places["train"] & places["l1"] and len(places["l1"]) == 40


@pytest.mark.parametrize("family", tasks.FAMILIES)
def test_a_prompt_travels_as_words_and_at_most_four_pictures(family: str) -> None:
    for level in LEVELS:
        trial = Trial(f"{family}-{level}", 8)
        parts = [part if isinstance(part, str) else camera_frame("", part) for part in trial.prompt]
        message = observation(1, {}, [], "", prompt=parts)
        kinds = [part.WhichOneof("part") for part in message.prompt]
        # As many as the model sees as image history.
        assert 1 <= kinds.count("image") <= 4 and kinds[0] == "text" and len(kinds) == len(trial.prompt)
        sizes = {(part.image.width, part.image.height) for part in message.prompt if part.image.data}
        assert sizes <= {(128, 128), (256, 128)}
        trial.close()


def test_a_pictured_thing_looks_like_the_thing() -> None:
    trial = Trial("put-into-l1", 0)
    thing = trial.painter.thing(1)
    trial.world.place(1, Pose(0.5, 0.0, 0.0))
    for index in (0, 2, 3):
        trial.world.place(index, Pose(5.0, float(index)))
    mujoco.mj_forward(trial.world.model, trial.world.data)
    again = trial.painter.scene("top", 128, 128, field_of_view(0.1))
    assert np.abs(thing.astype(int) - again).mean() < 1
    trial.close()


def test_the_expert_drives_it_through_the_protocol() -> None:
    environment = adapters.make("tabletop", "rebuild-l1", Variant("jpeg", 2))
    link = expert.ExpertLink(environment)
    environment.reset(11)
    assert environment.prompt and environment.instruction.startswith(("Rebuild", "Make"))
    transition = None
    while transition is None or not (transition.success or transition.done):
        action = link.act(pb.Observation(sequence=1)).actions[0]
        transition = environment.step(np.array(action.values), action.primitive)
    assert transition.success and transition.outcome == "done" and environment.steps == 2
    environment.close()


def test_the_arm_is_hidden_or_shown() -> None:
    frames = {}
    for view in (None, "arm"):
        environment = adapters.make("tabletop", "put-into-l1", Variant(view=view))
        environment.reset(0)
        hand = environment.trial.world.hand
        environment.trial.world.data.qpos[hand._positions[:2]] = [0.5, 0.0]
        mujoco.mj_forward(environment.trial.world.model, environment.trial.world.data)
        frames[view] = environment.render("front", 256, 128)
        environment.close()
    assert (frames[None] != frames["arm"]).any(axis=2).mean() > 0.005


def test_what_a_voice_says_has_a_name_that_the_episode_knows(tmp_path: Path) -> None:
    file = tmp_path / "wordings.yaml"
    assert main(["wordings", "--output", str(file), "--level", "l3", "--seeds", "40"]) == 0
    said = {name: part["wordings"][0] for name, part in json.loads(file.read_text()).items()}
    assert {"put-the-into-the", "rebuild-this-scene", "turn-the-clockwise-by-30-degrees"} <= set(said)
    assert said["put-the-into-the"] == "Put the, into the."
    assert said["rebuild-this-scene"] == "Rebuild this scene:."
    environment = adapter.make("new-noun-l3")
    environment.reset(3)
    name = environment.recording
    assert name in said and name.startswith("this-is-a-")
    environment.reset(4)
    assert environment.recording != name
    environment.close()
