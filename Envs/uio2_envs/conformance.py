"""Tests that any environment must pass. An adapter's tests inherit them:

    class TestMine(EnvironmentConformance):
        def make(self) -> Environment:
            return make("my-task")

A body with primitives inherits ``PrimitiveConformance`` instead, which adds to them. Needs pytest, which finds
the tests below in the subclass.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import pytest

from .environment import Environment, EnvironmentFailure, Transition


class EnvironmentConformance(ABC):
    """What the rest of the package relies on. Override the attributes where a body is slower or rougher."""

    size = (96, 64)
    """Width and height, pixels, of the frames that are checked; not square, so that a transposed frame shows."""
    settling_steps = 60
    """Steps of holding after which a body that was moving has come to rest."""
    hold_tolerance = 0.01
    """How much of a quantity's range may change in twenty steps of holding at rest."""
    trajectory_steps = 25
    """Control steps of an episode that is compared with another of the same seed."""
    checked_cameras: tuple[str, ...] | None = None
    """Cameras that are drawn; ``None``: all."""

    @abstractmethod
    def make(self) -> Environment:
        """A new environment, of the same task every time."""

    @pytest.fixture(scope="class")
    @classmethod
    def shared(cls) -> Iterator[Environment]:
        """One environment for all tests of the class: what an episode leaves behind must not matter to the next."""
        environment = cls().make()
        yield environment
        environment.close()

    def test_says_what_it_is(self, shared: Environment) -> None:
        specification = shared.specification
        assert shared.instruction.strip() == shared.instruction != ""
        assert shared.goal_protocol
        assert specification == shared.specification
        assert len(set(specification.cameras)) == len(specification.cameras) > 0
        assert specification.control_rate > 0 and specification.step_limit > 0
        continuous, primitive = {("delta", "zero"), ("absolute", "repeat")}, {("pick_and_place", "zero")}
        kinds = primitive if specification.primitives else continuous
        assert (specification.action_mode, specification.hold) in kinds
        for quantities in (specification.proprioception, specification.actions):
            names = [quantity.name for quantity in quantities]
            assert len(set(names)) == len(names) > 0
            assert all(quantity.name and quantity.unit for quantity in quantities)
            assert all(np.isfinite([q.minimum, q.maximum]).all() and q.minimum < q.maximum for q in quantities)

    def test_same_seed_same_episode(self, shared: Environment) -> None:
        first = self.trajectory(shared, seed=3)
        self.trajectory(shared, seed=8)
        again = self.trajectory(shared, seed=3)
        fresh = self.make()
        try:
            elsewhere = self.trajectory(fresh, seed=3)
        finally:
            fresh.close()
        for other in (again, elsewhere):
            np.testing.assert_array_equal(first[0], other[0])
            np.testing.assert_array_equal(first[1], other[1])

    def test_same_seed_same_episode_in_another_process(self, shared: Environment) -> None:
        code = (
            f"import sys, importlib; sys.path[:] = {sys.path!r}; "
            f"suite = importlib.import_module({type(self).__module__!r}).{type(self).__qualname__}(); "
            "print('digest', suite.digest(suite.make()))"
        )
        elsewhere = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120)
        # Whatever else a simulator prints, and when.
        assert re.findall(r"digest ([0-9a-f]{64})", elsewhere.stdout) == [self.digest(shared)], elsewhere.stderr

    def test_other_seed_other_episode(self, shared: Environment) -> None:
        frames = [self.trajectory(shared, seed, steps=0)[1] for seed in (3, 4, 5)]
        assert any((frames[0] != other).any() for other in frames[1:])

    def test_frames_are_pictures(self, shared: Environment) -> None:
        width, height = self.size
        shared.reset(0)
        for camera in self.cameras(shared):
            for field_of_view in (0.0, 30.0):
                frame = shared.render(camera, width, height, field_of_view)
                assert frame.shape == (height, width, 3) and frame.dtype == np.uint8
                assert frame.flags.c_contiguous and frame.flags.writeable
                assert frame.std() > 1, f"{camera} shows nothing"

    def test_field_of_view_is_that_of_the_call(self, shared: Environment) -> None:
        width, height = self.size
        shared.reset(0)
        camera = self.cameras(shared)[0]
        stock = shared.render(camera, width, height, 0.0)
        narrow = shared.render(camera, width, height, 20.0)
        assert (stock != narrow).any()
        np.testing.assert_array_equal(stock, shared.render(camera, width, height, 0.0))

    def test_rendering_changes_nothing(self, shared: Environment) -> None:
        shared.reset(1)
        before = shared.observe()
        camera = self.cameras(shared)[0]
        kept = shared.render(camera, *self.size)
        copy = kept.copy()
        np.testing.assert_array_equal(copy, shared.render(camera, *self.size))
        for _ in range(10):
            self.act(shared, self.upper_action(shared))
        shared.render(camera, *self.size)
        np.testing.assert_array_equal(kept, copy)
        shared.reset(1)
        assert shared.observe() == before

    def test_unknown_camera(self, shared: Environment) -> None:
        shared.reset(0)
        with pytest.raises(EnvironmentFailure, match="unknown_camera.*there are"):
            shared.render("no-such-camera", *self.size)

    def test_proprioception_is_as_declared(self, shared: Environment) -> None:
        shared.reset(2)
        random = np.random.default_rng(0)
        low, high = self.action_range(shared)
        for _ in range(30):
            observed = shared.observe()
            assert list(observed) == [quantity.name for quantity in shared.specification.proprioception]
            for quantity in shared.specification.proprioception:
                assert np.isfinite(observed[quantity.name])
                assert quantity.minimum <= observed[quantity.name] <= quantity.maximum, quantity.name
            self.act(shared, random.uniform(low, high))

    def test_actions_move_the_body(self, shared: Environment) -> None:
        shared.reset(2)
        before = self.state(shared)
        for _ in range(10):
            self.act(shared, self.upper_action(shared))
        assert np.abs(self.state(shared) - before).max() > self.hold_tolerance

    def test_hold_holds(self, shared: Environment) -> None:
        shared.reset(2)
        for _ in range(10):
            self.act(shared, self.upper_action(shared))
        for _ in range(self.settling_steps):
            shared.step(shared.hold_action())
        before = self.state(shared)
        for _ in range(20):
            action = shared.hold_action()
            low, high = self.action_range(shared)
            assert action.shape == low.shape and ((low <= action) & (action <= high)).all()
            shared.step(action)
        assert np.abs(self.state(shared) - before).max() <= self.hold_tolerance

    def test_bad_actions_are_refused(self, shared: Environment) -> None:
        shared.reset(0)
        hold = shared.hold_action()
        with_nan, with_infinity = hold.copy(), hold.copy()
        with_nan[0], with_infinity[-1] = np.nan, np.inf
        for bad in (with_nan, with_infinity, hold[:-1], np.append(hold, 0.0)):
            with pytest.raises(EnvironmentFailure, match="invalid_action"):
                shared.step(bad)
        assert shared.steps == 0

    def test_ends_at_the_step_limit(self, shared: Environment) -> None:
        shared.reset(0)
        limit = shared.specification.step_limit
        done = [shared.step(shared.hold_action()).done for _ in range(limit)]
        assert done == [False] * (limit - 1) + [True]
        with pytest.raises(EnvironmentFailure, match="episode_ended.*reset"):
            shared.step(shared.hold_action())
        shared.reset(0)
        assert not shared.step(shared.hold_action()).done

    def test_order_of_calls(self) -> None:
        environment = self.make()
        with pytest.raises(EnvironmentFailure, match="not_reset"):
            environment.observe()
        with pytest.raises(EnvironmentFailure, match="not_reset"):
            environment.step(np.zeros(len(environment.specification.actions)))
        with pytest.raises(EnvironmentFailure, match="invalid_seed"):
            environment.reset(-1)
        environment.reset(0)
        environment.close()
        environment.close()
        with pytest.raises(EnvironmentFailure, match="closed"):
            environment.reset(0)

    # Helpers.

    def cameras(self, environment: Environment) -> tuple[str, ...]:
        """The cameras that are drawn."""
        return self.checked_cameras or environment.specification.cameras

    def action_range(self, environment: Environment) -> tuple[np.ndarray, np.ndarray]:
        """Minimum and maximum of an action, ``[actions]`` each."""
        quantities = environment.specification.actions
        return np.array([q.minimum for q in quantities]), np.array([q.maximum for q in quantities])

    def upper_action(self, environment: Environment) -> np.ndarray:
        """An action ``[actions]`` that moves: three quarters of the way up every range."""
        low, high = self.action_range(environment)
        return low + 0.75 * (high - low)

    def state(self, environment: Environment) -> np.ndarray:
        """Proprioception ``[quantities]`` as fractions of its ranges."""
        observed = environment.observe()
        return np.array(
            [(observed[q.name] - q.minimum) / (q.maximum - q.minimum) for q in environment.specification.proprioception]
        )

    def act(self, environment: Environment, action: np.ndarray) -> Transition:
        """Executes ``action``, with a primitive where the body has some; begins anew when the episode is over."""
        if environment.over or environment.steps >= environment.specification.step_limit:
            environment.reset(0)
        return environment.step(action, *environment.specification.primitives[:1])

    def digest(self, environment: Environment) -> str:
        """A number that two episodes share when they are the same to the bit."""
        states, frames = self.trajectory(environment, seed=5, steps=self.trajectory_steps)
        parts = [part if isinstance(part, str) else part.tobytes().hex() for part in environment.prompt]
        return hashlib.sha256(states.tobytes() + frames.tobytes() + "".join(parts).encode()).hexdigest()

    def trajectory(self, environment: Environment, seed: int, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Proprioception ``[steps + 1, quantities]`` and the first and last frame ``[2, height, width, 3]``."""
        low, high = self.action_range(environment)
        random = np.random.default_rng(seed)
        camera = self.cameras(environment)[0]
        environment.reset(seed)
        states, frames = [self.state(environment)], [environment.render(camera, *self.size)]
        for _ in range(self.trajectory_steps if steps is None else steps):
            self.act(environment, random.uniform(low, high))
            states.append(self.state(environment))
        frames.append(environment.render(camera, *self.size))
        return np.stack(states), np.stack(frames)


class PrimitiveConformance(EnvironmentConformance):
    """What is promised of a body that is told primitives, each of which begins and ends at rest."""

    trajectory_steps = 2

    def test_actions_move_the_body(self, shared: Environment) -> None:
        camera = self.cameras(shared)[0]
        shared.reset(2)
        before = shared.render(camera, *self.size)
        plan = shared.plan()
        assert plan and all(command.primitive in shared.specification.primitives for command in plan)
        for command in plan:
            low, high = self.action_range(shared)
            assert command.values.shape == low.shape
            assert ((low <= command.values) & (command.values <= high)).all()
            shared.step(command.values, command.primitive)
        assert (before != shared.render(camera, *self.size)).any()

    def test_whatever_is_said_has_an_outcome(self, shared: Environment) -> None:
        low, high = self.action_range(shared)
        random = np.random.default_rng(1)
        shared.reset(4)
        actions = [low, high, *random.uniform(low, high, (4, len(low)))]
        for number, action in enumerate(actions):
            if shared.over or shared.steps >= shared.specification.step_limit:
                shared.reset(4 + number)
            primitives = shared.specification.primitives
            assert shared.step(action, primitives[number % len(primitives)]).outcome

    def test_hold_holds(self, shared: Environment) -> None:
        camera = self.cameras(shared)[0]
        shared.reset(2)
        before, state = shared.render(camera, *self.size), shared.observe()
        assert shared.step(shared.hold_action()).outcome == ""
        np.testing.assert_array_equal(before, shared.render(camera, *self.size))
        assert shared.observe() == state and shared.steps == 1

    def test_unknown_primitives_are_refused(self, shared: Environment) -> None:
        shared.reset(0)
        with pytest.raises(EnvironmentFailure, match="unknown_primitive: juggle.*it has"):
            shared.step(shared.hold_action(), "juggle")
        assert shared.steps == 0

    def test_the_prompt_is_words_and_pictures(self, shared: Environment) -> None:
        shared.reset(6)
        prompt = shared.prompt
        kept = [part if isinstance(part, str) else part.copy() for part in prompt]
        for part in prompt:
            if isinstance(part, str):
                assert part.strip() == part != ""
            else:
                assert part.ndim == 3 and part.shape[2] == 3 and part.dtype == np.uint8 and part.flags.c_contiguous
        if prompt:
            assert any(isinstance(part, str) for part in prompt)
        for command in shared.plan():
            shared.step(command.values, command.primitive)
        shared.reset(7)
        shared.reset(6)
        # It is the episode's, whatever has happened meanwhile.
        for one, other in zip(kept, shared.prompt, strict=True):
            np.testing.assert_array_equal(one, other)
