"""What a simulated robot's body is: an environment of few methods, in names and physical units.

An adapter subclasses ``Environment`` and fills in the methods that begin with an underscore; the public ones check the
order of calls and every number that passes. ``conformance.py`` tests any adapter against what is promised here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


class EnvironmentFailure(Exception):
    """The simulator is missing, does not know the task, or was used in a way it does not support.

    Attributes:
        code: short lower-case name, such as ``"unknown_task"``.
        subject: the thing at fault.
        message: a sentence a person can act on.
    """

    def __init__(self, code: str, subject: str, message: str) -> None:
        super().__init__(f"{code}: {subject}: {message}")
        self.code = code
        self.subject = subject
        self.message = message


@dataclass(frozen=True)
class Quantity:
    """A named number with its unit and range."""

    name: str
    unit: str
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Specification:
    """What an embodiment has and does, for comparison with the Capabilities of a daemon."""

    cameras: tuple[str, ...]
    """Cameras that can be rendered, at any size and field of view."""
    proprioception: tuple[Quantity, ...]
    """What the body feels."""
    actions: tuple[Quantity, ...]
    """What the body can be told; commands outside a range would be clipped."""
    action_frame: str
    """The frame that positions are in, such as ``"base"``."""
    action_mode: str
    """``"delta"`` or ``"absolute"``; ``"pick_and_place"`` of a body with primitives."""
    hold: str
    """What the body does without a fresh command: ``"zero"`` (deltas) or ``"repeat"`` (absolute commands)."""
    control_rate: float
    """Actions a second of simulated time, Hz."""
    step_limit: int
    """Control steps of one episode, at most."""
    primitives: tuple[str, ...] = ()
    """The kinds of movement that an action names, such as ``"push"``; empty: continuous commands."""
    picture_size: tuple[int, int] = (256, 256)
    """Width and height, pixels, at which a film shows what the cameras are there for."""


@dataclass(frozen=True)
class Transition:
    """What came of one control step."""

    done: bool
    """The step limit is reached, or the simulator has ended the episode: a further step is an error."""
    success: bool
    """The task is done in the state reached."""
    outcome: str = ""
    """What came of a primitive, such as ``"done"`` or ``"nothing_there"``; empty for other steps."""
    reward: float | None = None
    """What the simulator gives for the step; ``None`` where it gives nothing."""
    other_task: str = ""
    """A task of the same scene that is done in the state reached although another one was said; empty for none."""


@dataclass(frozen=True)
class Command:
    """What a body is told in one control step."""

    values: np.ndarray
    """``[actions]``, physical units."""
    primitive: str = ""
    """One of ``Specification.primitives``; empty: a continuous command, or a hold of a body with primitives."""


class Environment(ABC):
    """One task of one simulated robot.

    An episode begins with ``reset(seed)``, from which alone it depends, and ends at the step limit at the latest.
    Success does not end it: whoever runs the episode decides that. A simulator that gives a task up ends it (``over``).
    """

    goal_protocol: str = "fresh"
    """How the seed chooses goals: ``"fresh"`` draws them from the task's full range at every reset."""

    scene_changes: frozenset[str] = frozenset()
    """Perturbations that ``change_scene`` and ``move_object`` make here: names of ``variant.SCENE_PERTURBATIONS``."""

    reward: float | None = None
    """Of the last step, for an adapter to set where its simulator gives one."""

    other_task: str = ""
    """Of the last step, as in ``Transition``; for an adapter to set where a scene has several tasks."""

    over: bool = False
    """Whether the simulator has ended the episode before its step limit; for an adapter to set in a step."""

    def __init__(self, task: str, instruction: str) -> None:
        self.task = task
        self.instruction = instruction
        self.steps = 0
        self._phase = "new"

    # To be called.

    @property
    def prompt(self) -> tuple[str | np.ndarray, ...]:
        """The present episode's instruction as words and pictures in order, a picture uint8 ``[height, width, 3]``.

        Empty: ``instruction`` says all. Otherwise ``instruction`` is for people to read.
        """
        return ()

    @property
    def recording(self) -> str:
        """The name of the folder with recordings of what is asked for: the task's, where all of its episodes say the same."""
        return self.task

    @property
    @abstractmethod
    def specification(self) -> Specification:
        """What this embodiment has and does. The same for the life of the environment."""

    def reset(self, seed: int) -> None:
        """Begins the episode of ``seed``, which is not negative."""
        self._require_open()
        if seed < 0:
            raise EnvironmentFailure("invalid_seed", self.task, f"a seed is not negative, found {seed}")
        self.over = False
        self._reset(seed)
        self.steps = 0
        self._phase = "running"

    def observe(self) -> dict[str, float]:
        """Proprioception by name, in the units of the specification.

        Raises:
            EnvironmentFailure: a number is not finite, which is the simulator's fault and no episode's outcome.
        """
        self._require_begun()
        measured = {name: float(value) for name, value in self._observe().items()}
        for name, value in measured.items():
            if not math.isfinite(value):
                raise EnvironmentFailure("invalid_observation", name, f"expected a finite number, the simulator measured {value}")
        return measured

    def render(self, camera: str, width: int, height: int, vertical_field_of_view: float = 0.0) -> np.ndarray:
        """What a camera sees now.

        Args:
            camera: a name of ``specification.cameras``.
            width: pixels.
            height: pixels.
            vertical_field_of_view: degrees; 0 means the camera's own.

        Returns:
            uint8 ``[height, width, 3]``, RGB, upright, top row first; the caller's own to keep.
        """
        self._require_begun()
        if camera not in self.specification.cameras:
            known = ", ".join(self.specification.cameras)
            raise EnvironmentFailure("unknown_camera", camera, f"no such camera; there are: {known}")
        return np.ascontiguousarray(self._render(camera, width, height, vertical_field_of_view))

    def step(self, action: np.ndarray, primitive: str = "") -> Transition:
        """Executes one action and lets simulated time pass for one control period, or for as long as a primitive takes.

        Args:
            action: ``[actions]``, physical units, order of ``specification.actions``; clipped to their ranges.
            primitive: one of ``specification.primitives``. A body that has some and is told none does nothing.

        Raises:
            EnvironmentFailure: the action or the simulator's verdict is none, or the episode is over.
        """
        self._require_begun()
        if self._phase == "ended":
            raise EnvironmentFailure("episode_ended", self.task, "the episode is over; call reset before step")
        quantities = self.specification.actions
        values = np.asarray(action, dtype=np.float64)
        if values.shape != (len(quantities),) or not np.isfinite(values).all():
            raise EnvironmentFailure(
                "invalid_action", self.task, f"expected {len(quantities)} finite numbers, found {values.tolist()}"
            )
        if primitive and primitive not in self.specification.primitives:
            known = ", ".join(self.specification.primitives) or "none"
            raise EnvironmentFailure("unknown_primitive", primitive, f"this body has no such primitive; it has {known}")
        values = np.clip(values, [q.minimum for q in quantities], [q.maximum for q in quantities])
        success, outcome = self._execute(primitive, values) if primitive else (self._step(values), "")
        if not isinstance(success, (bool, np.bool_)):
            # NaN and the word "False" would both be true.
            raise EnvironmentFailure(
                "invalid_verdict", self.task, f"expected True or False for whether the task is done, found {success!r}"
            )
        self.steps += 1
        done = self.over or self.steps >= self.specification.step_limit
        if done:
            self._phase = "ended"
        reward = None if self.reward is None else float(self.reward)
        return Transition(
            done=done, success=bool(success), reward=reward, outcome=outcome, other_task=self.other_task
        )

    def hold_action(self) -> np.ndarray:
        """The action ``[actions]`` that keeps the body where it is and its grip as it is: the embodiment's own."""
        self._require_begun()
        return np.asarray(self._hold_action(), dtype=np.float64)

    def brake(self) -> None:
        """A hold begins: gives up the way that the body still has to go by earlier commands, where it has one."""
        self._require_begun()
        self._brake()

    def expert(self) -> np.ndarray:
        """The scripted expert's action ``[actions]`` for the present state, in physical units.

        Raises:
            EnvironmentFailure: there is no expert of this task.
        """
        raise EnvironmentFailure("no_expert", self.task, "this environment has no scripted expert")

    def plan(self) -> list[Command]:
        """What the scripted expert would do from here, the next command first; empty when it knows nothing to do.

        A body of continuous commands plans one at a time.

        Raises:
            EnvironmentFailure: there is no expert of this task.
        """
        return [Command(self.expert())]

    def say(self, commands: Sequence[Command]) -> tuple[str, list[Command]]:
        """Commands as the sentence that a policy would say, and the commands that the sentence stands for.

        A body that has no words for them says nothing, and they stay as they are.
        """
        return "", list(commands)

    def show(self, camera: str, width: int, height: int) -> np.ndarray:
        """What a spectator sees: as ``render``, with what is left out for policies, such as the arm."""
        return self.render(camera, width, height)

    def marks(self, command: Command, camera: str, width: int, height: int) -> list[tuple[float, float]]:
        """Where a command acts, in its order, as pixels (x, y) of ``show``'s picture; empty where that is not known."""
        return []

    def watch(self, look: Callable[[], None] | None) -> None:  # noqa: B027 - a body that needs nothing does nothing
        """Has ``look`` called twenty times a second of simulated time while a primitive is executed, for films.

        ``None`` ends that. A body of continuous commands is seen between its control steps as it is.
        """

    def change_scene(self, kind: str, amount: float, random: np.random.Generator) -> None:
        """Changes how the scene looks, until the next reset undoes it.

        Args:
            kind: a name of ``scene_changes`` other than ``moved_object``.
            amount: more than 0; 1 is the most.
            random: draws what is not said. Draws the same for every amount.
        """
        self._require_change(kind)
        self._change_scene(kind, amount, random)

    def move_object(self, displacement: np.ndarray) -> None:
        """Moves what the task is about, and a goal that is a part of it, to another place on the table, at once.

        Args:
            displacement: metres along x and y of the action frame.
        """
        self._require_change("moved_object")
        self._move_object(np.asarray(displacement, dtype=np.float64))

    def close(self) -> None:
        """Frees the simulator; may be called twice."""
        if self._phase != "closed":
            self._phase = "closed"
            self._close()

    # To be filled in by an adapter.

    @abstractmethod
    def _reset(self, seed: int) -> None: ...

    @abstractmethod
    def _observe(self) -> Mapping[str, float]: ...

    @abstractmethod
    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray: ...

    @abstractmethod
    def _step(self, action: np.ndarray) -> bool:
        """Executes a finite action inside its ranges and returns whether the task is done in the state reached: a ``bool``, or numpy's."""

    def _execute(self, primitive: str, action: np.ndarray) -> tuple[bool, str]:
        """Executes a primitive, its action finite and in range; whether the task is done now, and what came of it."""
        raise NotImplementedError("an adapter that lists primitives executes them")

    @abstractmethod
    def _hold_action(self) -> np.ndarray: ...

    def _brake(self) -> None:  # noqa: B027 (most stand still when they are told nothing)
        """Nothing to give up, unless an adapter says otherwise."""

    def _change_scene(self, kind: str, amount: float, random: np.random.Generator) -> None:
        raise NotImplementedError("an adapter that lists scene_changes makes them")

    def _move_object(self, displacement: np.ndarray) -> None:
        raise NotImplementedError("an adapter that lists moved_object moves it")

    def _close(self) -> None:  # noqa: B027 (most have nothing to free)
        """Nothing to free, unless an adapter says otherwise."""

    def _require_change(self, kind: str) -> None:
        self._require_begun()
        if kind not in self.scene_changes:
            raise EnvironmentFailure("unsupported_perturbation", kind, f"{self.task} cannot have this one")

    def _require_open(self) -> None:
        if self._phase == "closed":
            raise EnvironmentFailure("closed", self.task, "the environment is closed")

    def _require_begun(self) -> None:
        self._require_open()
        if self._phase == "new":
            raise EnvironmentFailure("not_reset", self.task, "call reset before anything else")
