"""A robot whose world does not wait, on a clock and a link that a test moves; nothing here sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from fake_daemon import chunk_for, toy_capabilities
from test_robot import QUICK, SEED, ScriptedLink, expert, refuse
from uio2_client import Timeout
from uio2_client import uio2_pb2 as pb

from uio2_envs import toy
from uio2_envs.agreement import Agreement
from uio2_envs.clock import SimulatedClock, WallClock
from uio2_envs.environment import Transition
from uio2_envs.patience import RobotFailure
from uio2_envs.realtime import InlineAsker, RealtimeRobot, ThreadAsker
from uio2_envs.robot import PolicyStep, Robot

PERIOD = 20_000_000
"""Nanoseconds of the toy's control step."""


class FakeClock(WallClock):
    """Stands still until it is waited for; a test may let more time pass."""

    def __init__(self) -> None:
        self._now = 10**9

    def now(self) -> int:
        return self._now

    def wait_until(self, moment: int) -> None:
        self._now = max(self._now, moment)

    def spend(self, nanoseconds: int) -> None:
        self._now += nanoseconds


def numbered(index: int, seen: pb.Observation) -> pb.ActionChunk:
    """Actions that tell which chunk and which place in it they come from; the point hardly moves."""
    return chunk_for(seen, [[1e-5 * (index + 1), 1e-5 * place] for place in range(4)], valid_ns=10**12)


class Run:
    """One episode with each answer held back by ``delay`` control steps."""

    def __init__(self, script: Callable[[int, pb.Observation], pb.ActionChunk], delay: float, steps: int, asker=None, **options) -> None:
        environment, self.link, self.clock = toy.make("reach-green"), ScriptedLink(script), FakeClock()
        self.steps: list[PolicyStep] = []
        self.executed: list[tuple[int, int] | None] = []
        """At each control step the chunk (from 1) and the place in it of the action; ``None``: held."""
        plain = environment.step

        def step(action: np.ndarray, primitive: str = "") -> Transition:
            held = not np.any(action)
            self.executed.append(None if held else (round(action[1] / 1e-5), round(action[0] / 1e-5)))
            return plain(action, primitive)

        environment.step = step  # type: ignore[method-assign]
        held_back = round(delay * PERIOD)
        self.asker = asker(self.link, self.clock) if asker else InlineAsker(self.link, self.clock, held_back)
        self.robot = RealtimeRobot(
            environment,
            Agreement(environment.specification, toy_capabilities()),
            self.link,
            self.asker,
            self.clock,
            step_limit=steps,
            patience=QUICK,
            on_step=self.steps.append,
            **options,
        )
        self.result = self.robot.run_episode(SEED)


def test_without_delay_it_is_lockstep() -> None:
    environment, link = toy.make("reach-green"), ScriptedLink(expert)
    agreement = Agreement(environment.specification, toy_capabilities())
    lockstep = Robot(environment, agreement, link, SimulatedClock(50.0)).run_episode(SEED)
    run = Run(expert, delay=0, steps=100)
    assert run.result.success and run.result.steps == lockstep.steps and run.result.held_steps == 0
    np.testing.assert_array_equal(run.link.positions(), link.positions())
    assert [seen.actions_consumed for seen in run.link.observations] == [seen.actions_consumed for seen in link.observations]


def test_a_new_chunk_takes_over_at_the_actions_really_executed() -> None:
    run = Run(numbered, delay=2, steps=16)
    # The first answer finds a body that has held: nothing is skipped. From then on the question is asked two steps early.
    assert run.executed[:6] == [None, None, (1, 0), (1, 1), (1, 2), (1, 3)]
    assert run.executed[6:] == [(2, 2), (2, 3), (3, 2), (3, 3), (4, 2), (4, 3), (5, 2), (5, 3), (6, 2), (6, 3)]
    assert run.result.held_steps == 2 and run.result.skipped_actions == 2 * 5
    # Places in the last chunk, what was skipped of it included: behind the third's place lie the two that are executed next.
    assert [seen.actions_consumed for seen in run.link.observations[:4]] == [0, 2, 2, 2]
    assert all(seen.skips_executed for seen in run.link.observations)


def test_longer_than_a_chunk_it_holds_and_skips_nothing() -> None:
    run = Run(numbered, delay=6, steps=21)
    held = [None] * 6
    assert run.executed == [*held, (1, 0), (1, 1), (1, 2), (1, 3), *held, (2, 0), (2, 1), (2, 2), (2, 3), None]
    assert run.result.skipped_actions == 0 and run.result.held_steps == 13
    assert [seen.actions_consumed for seen in run.link.observations] == [0, 4, 4]


class Jittery(InlineAsker):
    """Holds the n-th answer back by ``waits[n]`` control steps."""

    def __init__(self, link: ScriptedLink, clock: FakeClock, waits: np.ndarray) -> None:
        super().__init__(link, clock)
        self._waits = waits
        self.asked_at: list[int] = []
        """Control steps, by question."""

    def ask(self, observation: pb.Observation) -> None:
        self._added_delay = int(self._waits[len(self.asked_at)]) * PERIOD
        self.asked_at.append((self._clock.now() - 10**9) // PERIOD)
        super().ask(observation)


@pytest.mark.parametrize("seed", range(20))
def test_no_action_is_repeated_or_executed_after_its_time(seed: int) -> None:
    """Whatever the delays: a chunk's actions come in order, each once, and never one that lay in the past."""
    run = Run(numbered, 0, 100, asker=lambda link, clock: Jittery(link, clock, np.random.default_rng(seed).integers(0, 9, 400)))
    taken = [entry for entry in run.executed if entry is not None]
    assert taken == sorted(set(taken)) and len(run.executed) == run.result.steps == 100
    assert run.executed.count(None) == run.result.held_steps and len(taken) > 20
    for number, seen in enumerate(run.link.observations):
        # What comes after the observation and before its answer is what the daemon takes for what may come: the rest, from the place on.
        began = run.asker.asked_at[number]
        current = [entry for entry in run.executed[:began] if entry is not None]
        followed = [entry for entry in run.executed[began:] if entry is not None and entry[0] <= number]
        if followed and current and followed[0][0] == current[-1][0]:
            assert seen.actions_consumed == followed[0][1] == current[-1][1] + 1


def test_the_answers_of_another_moment_are_not_begun() -> None:
    def short(index: int, seen: pb.Observation) -> pb.ActionChunk:
        chunk = numbered(index, seen)
        chunk.valid_until = seen.captured_at + 3 * PERIOD + PERIOD // 2
        return chunk

    run = Run(short, delay=2, steps=10)
    assert run.executed[:4] == [None, None, (1, 0), (1, 1)]
    assert (1, 2) not in run.executed
    run = Run(short, delay=5, steps=12)
    assert run.executed == [None] * 12 and run.result.policy_steps == len(run.steps) > 0


def test_a_stop_drops_what_is_left_of_the_chunk() -> None:
    # Asked with three actions left, so that the refusal comes in the middle of the chunk.
    waits = np.array([3, 1, 2] + [1] * 40)
    run = Run(
        lambda n, seen: refuse("stopped") if n == 1 else numbered(n, seen),
        0,
        10,
        asker=lambda link, clock: Jittery(link, clock, waits),
    )
    assert run.executed[:8] == [None, None, None, (1, 0), (1, 1), None, None, (3, 0)]
    passing = Run(
        lambda n, seen: refuse("superseded") if n == 1 else numbered(n, seen),
        0,
        10,
        asker=lambda link, clock: Jittery(link, clock, waits),
    )
    assert passing.executed[:8] == [None, None, None, (1, 0), (1, 1), (1, 2), (1, 3), (3, 2)]


def test_silence_and_refusals_end_as_in_lockstep() -> None:
    def mute(index: int, seen: pb.Observation) -> pb.ActionChunk:
        raise Timeout("tcp://x", 0.1)

    with pytest.raises(RobotFailure, match="timeout"):
        Run(mute, delay=0, steps=100)
    with pytest.raises(RobotFailure, match="invalid_image"):
        Run(lambda n, seen: refuse("invalid_image"), delay=1, steps=100)

    def spoiled(index: int, seen: pb.Observation) -> pb.ActionChunk:
        chunk = numbered(index, seen)
        chunk.actions[3].values[0] = float("nan")
        return chunk

    with pytest.raises(RobotFailure, match="invalid_action"):
        Run(spoiled, delay=1, steps=100)

    def broken(index: int, seen: pb.Observation) -> pb.ActionChunk:
        raise ZeroDivisionError("in the link")

    with pytest.raises(ZeroDivisionError):
        Run(broken, delay=1, steps=100)


def test_a_simulator_that_cannot_keep_up_is_counted_and_never_hurried() -> None:
    starts: list[int] = []

    def spend(transition: Transition) -> None:
        starts.append(run_clock.now())
        run_clock.spend(PERIOD * 3 if len(starts) in (4, 5) else PERIOD // 2)

    environment, link, run_clock = toy.make("reach-green"), ScriptedLink(numbered), FakeClock()
    agreement = Agreement(environment.specification, toy_capabilities())
    asker = InlineAsker(link, run_clock)
    robot = RealtimeRobot(environment, agreement, link, asker, run_clock, step_limit=10, on_advance=spend)
    result = robot.run_episode(SEED)
    assert result.late_steps == 2
    gaps = np.diff(starts) / PERIOD
    np.testing.assert_allclose(gaps, [1, 1, 1, 3, 3, 1, 1, 1, 1])


def test_success_falls_with_the_delay_alone() -> None:
    """An expert of single actions: the same episode for the same delay, and slower the longer it is."""
    steps = {}
    for delay in (0, 1, 3):
        run = Run(expert, delay=delay, steps=100)
        again = Run(expert, delay=delay, steps=100)
        assert run.executed == again.executed
        steps[delay] = run.result.steps
    assert steps[0] < steps[1] < steps[3]


def test_the_thread_asks_while_the_world_goes_on() -> None:
    """The link answers first after the robot has held three times, and then not before the last step: it never stands still."""
    environment, clock = toy.make("reach-green"), FakeClock()
    may_answer = [threading.Event(), threading.Event()]
    threads: list[threading.Thread] = []
    advanced = 0

    def script(index: int, seen: pb.Observation) -> pb.ActionChunk:
        threads.append(threading.current_thread())
        assert may_answer[index].wait(timeout=30)
        return numbered(index, seen)

    class Observed(ThreadAsker):
        def arrive(self) -> None:
            """Lets the answer arrive before the next control step."""
            self._arrived, self._is_asking = self._answers.get(timeout=30), False

    def advance(transition: Transition) -> None:
        nonlocal advanced
        advanced += 1
        if advanced == 3:
            may_answer[0].set()
            asker.arrive()
        if advanced == 8:
            may_answer[1].set()

    link, steps = ScriptedLink(script), []
    asker = Observed(link, clock)
    agreement = Agreement(environment.specification, toy_capabilities())
    robot = RealtimeRobot(
        environment, agreement, link, asker, clock, step_limit=8, on_advance=advance, on_step=steps.append
    )
    try:
        result = robot.run_episode(SEED)
    finally:
        asker.close()
        asker.close()
    assert (result.held_steps, result.policy_steps, len(steps[0].commands)) == (4, 1, 4)
    assert len(link.observations) == 2 and threading.main_thread() not in threads
    assert not asker._thread.is_alive()
    assert {"round_trip", "takeover", "vision", "render", "simulate"} <= set(steps[0].latency_ms)


def test_an_interrupted_chunk_ends_at_once_and_so_does_what_was_asked_before() -> None:
    robots: list[RealtimeRobot] = []
    steps = 0

    def advance(_: Transition) -> None:
        nonlocal steps
        steps += 1
        if steps in (5, 10):
            robots[0].interrupt()

    environment, link, clock = toy.make("reach-green"), ScriptedLink(numbered), FakeClock()
    executed: list[tuple[int, int] | None] = []
    plain = environment.step

    def step(action: np.ndarray, primitive: str = "") -> Transition:
        executed.append((round(action[1] / 1e-5), round(action[0] / 1e-5)) if np.any(action) else None)
        return plain(action, primitive)

    environment.step = step  # type: ignore[method-assign]
    asker = InlineAsker(link, clock, 2 * PERIOD)
    agreement = Agreement(environment.specification, toy_capabilities())
    robots.append(RealtimeRobot(environment, agreement, link, asker, clock, step_limit=16, on_advance=advance))
    robots[0].run_episode(SEED)
    # After the fifth step the second answer is under way: it is not begun, and the third takes over.
    assert executed[:5] == [None, None, (1, 0), (1, 1), (1, 2)]
    assert (1, 3) not in executed and not any(entry and entry[0] == 2 for entry in executed)
    assert any(entry and entry[0] == 3 for entry in executed)
    # What was dropped does not count as to come.
    assert link.observations[2].actions_consumed == 4
