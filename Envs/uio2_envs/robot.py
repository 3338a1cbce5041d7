"""The control loop of a simulated robot. It knows messages and no sockets, so that a test can be the other end.

What it never does: move on actions that answer another observation, that came too late, that are of another policy than the one it
agreed with, or that are not finite numbers. A sentence that a body with primitives cannot execute moves nothing either, and is one of
the outcomes that such an answer can have.
Whenever it has nothing fresh to do it holds, which the body defines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from uio2_client import ClientError, Disconnected, Timeout, check_answer
from uio2_client import uio2_pb2 as pb

from .agreement import Agreement
from .clock import Clock
from .environment import Command, Environment, Transition
from .episode import LOOPS, UNREADABLE, EpisodeResult, Execution, PolicyStep
from .frames import encode, encode_prompt
from .patience import Patience, RobotFailure, Setbacks


class Link(Protocol):
    """What a robot needs of the other end; ``uio2_client.Client`` is one."""

    def reset(self) -> bool: ...

    def act(self, observation: pb.Observation) -> pb.ActionChunk: ...


class Robot:
    """A body, the policy it agreed with, and the way to it.

    Args:
        environment: the body and its task.
        agreement: made from the environment's specification.
        link: the daemon.
        clock: the robot's own.
        encoding: of the frames, one of ``frames.ENCODINGS``.
        step_limit: control steps of an episode; the environment's own limit holds as well.
        speech: what is said in the episode of a seed; ``None``: the instruction is words alone.
        loop: how much of an answer is executed before the robot looks again, one of ``LOOPS``.
        on_begin: told when an episode has begun and nothing has moved yet.
        on_take: told before each action, with its place in the answer.
        on_step: told of every policy step.
        on_advance: told after every control step, held ones included.
        stops_at_success: whether an episode ends at its first success, or runs to the step limit.
        on_frames: given the frames of every observation that is sent, and of the last state of an episode when
            ``final_frames`` is set: camera name to uint8 ``[height, width, 3]``.
        log: told in a sentence why the robot holds.
    """

    _skips_executed = False
    """Whether a chunk is begun after as many actions as were executed since its observation; otherwise with its first."""

    def __init__(
        self,
        environment: Environment,
        agreement: Agreement,
        link: Link,
        clock: Clock,
        *,
        encoding: str = "jpeg",
        step_limit: int | None = None,
        patience: Patience = Patience(),
        speech: Callable[[int], pb.AudioClip] | None = None,
        loop: str = "chunk",
        on_begin: Callable[[], None] = lambda: None,
        on_take: Callable[[Execution, int], None] = lambda execution, index: None,
        on_step: Callable[[PolicyStep], None] = lambda step: None,
        on_frames: Callable[[dict[str, np.ndarray], EpisodeResult], None] = lambda frames, result: None,
        final_frames: bool = False,
        on_advance: Callable[[Transition], None] = lambda transition: None,
        stops_at_success: bool = True,
        log: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._environment = environment
        self._agreement = agreement
        self._link = link
        self._clock = clock
        self._encoding = encoding
        own_limit = environment.specification.step_limit
        self._step_limit = own_limit if step_limit is None else min(own_limit, step_limit)
        self._speech = speech
        self._said: pb.AudioClip | None = None
        if loop not in LOOPS:
            raise ValueError(f"loop: expected one of {', '.join(LOOPS)}, found {loop!r}")
        self._loop = loop
        self._primitives = environment.specification.primitives
        self._on_begin = on_begin
        self._on_take = on_take
        self._on_step = on_step
        self._on_frames = on_frames
        self._final_frames = final_frames
        self._on_advance = on_advance
        self._stops_at_success = stops_at_success
        self._sequence = 0
        self._consumed = 0
        """The place in the last chunk that the body has come to."""
        self._prompt: list[pb.PromptPart] = []
        self._setbacks = Setbacks(patience, log, self._pause)
        self._cameras_are_on = False
        self._has_ended = False
        """Whether the simulator takes no further step in this episode."""

    def run_episode(self, seed: int) -> EpisodeResult:
        """One episode until success, if that ends it, the step limit, or the simulator's own end.

        Raises:
            RobotFailure: the daemon refused for good or stayed silent; the robot did not move on it.
            EnvironmentFailure: the simulator failed.
        """
        began = time.perf_counter()
        self._environment.reset(seed)
        self._said = None if self._speech is None else self._speech(seed)
        # Who looks at no camera looks at no picture in the prompt either, and none is drawn.
        self._prompt = self._encoded_prompt() if self._agreement.cameras else []
        self._on_begin()
        # The first picture of a new scene uploads its textures, for hundreds of milliseconds: cameras are on before the loop begins.
        if not self._cameras_are_on:
            self._render()
            self._cameras_are_on = True
        self._reset_link()
        self._consumed, self._has_ended = 0, False
        result = EpisodeResult(seed)
        self._run(result)
        if self._final_frames:
            self._on_frames(self._render(), result)
        result.wall_s = time.perf_counter() - began
        return result

    def _encoded_prompt(self) -> list[pb.PromptPart]:
        parts = self._environment.prompt
        if not self._agreement.sends_words:
            # A sound says the words, and the pictures stand beside it.
            parts = tuple(part for part in parts if not isinstance(part, str))
        return encode_prompt(parts, self._encoding)

    def _run(self, result: EpisodeResult) -> None:
        """Looks, asks and executes in turn; the world stands still while the policy works."""
        previous: float | None = None
        while not self._is_over(result):
            step_began = time.perf_counter()
            observation, render_ms = self._look(result)
            asked = time.perf_counter()
            chunk = self._ask(observation, result)
            if chunk is None:
                continue
            round_trip_ms = _milliseconds_since(asked)
            period_ms = None if previous is None else (step_began - previous) * 1000
            previous = step_began
            latency = {"round_trip": round_trip_ms, **stages(chunk), "render": render_ms}
            execution = self._begin(chunk, tuple(observation.proprioception), period_ms, latency)
            if chunk.actions:
                self._execute(execution, result)
            else:
                self._hold(result)
                self._count(execution, UNREADABLE, result)
                self._finish(execution, result)

    def _look(self, result: EpisodeResult) -> tuple[pb.Observation, float]:
        """The observation of this moment, and the milliseconds that drawing and compressing took."""
        began = time.perf_counter()
        frames = self._render()
        # The world stands still while it is drawn, so the frames show the moment at which drawing ended.
        captured_at = self._clock.now()
        self._sequence += 1
        observation = pb.Observation(
            sequence=self._sequence,
            captured_at=captured_at,
            frames=[encode(camera, frame, self._encoding) for camera, frame in frames.items()],
            proprioception=self._agreement.proprioception(self._environment.observe()),
            instruction="" if self._prompt or not self._agreement.sends_words else self._environment.instruction,
            prompt=self._prompt,
            audio=self._said,
            actions_consumed=self._consumed,
            skips_executed=self._skips_executed,
            clock=self._clock.kind,
        )
        if observation.clock == pb.ROBOT_CLOCK_SIMULATED:
            # The link knows when a message leaves, but not by this clock.
            observation.sent_at = self._clock.now()
        render_ms = _milliseconds_since(began)
        self._on_frames(frames, result)
        return observation, render_ms

    def _render(self) -> dict[str, np.ndarray]:
        return {
            request.camera: self._environment.render(
                request.camera, request.width, request.height, request.vertical_field_of_view
            )
            for request in self._agreement.cameras
        }

    def _ask(self, observation: pb.Observation, result: EpisodeResult) -> pb.ActionChunk | None:
        """A fresh chunk, or ``None`` after a setback, for which the robot has held where it should."""
        try:
            chunk = self._link.act(observation)
        except ClientError as error:
            if self._primitives and error.code == "invalid_action":
                self._setbacks.end()
                return self._unreadable(observation, error.message)
            if self._setbacks.note(error):
                self._hold(result)
            return None
        self._check(chunk, observation)
        unknown = [action.primitive for action in chunk.actions if action.primitive not in ("", *self._primitives)]
        if self._primitives and unknown:
            known = ", ".join(self._primitives)
            # None of it will be executed.
            self._consumed = len(chunk.actions)
            return self._unreadable(observation, f"this body has no primitive {unknown[0]!r}; it has {known}", chunk)
        return chunk

    def _unreadable(
        self, observation: pb.Observation, reason: str, chunk: pb.ActionChunk | None = None
    ) -> pb.ActionChunk:
        """What stands in the place of an answer that cannot be executed: it has no actions, and nothing moves on it."""
        self._setbacks.say(UNREADABLE, reason)
        kept = pb.ActionChunk(observation_sequence=observation.sequence, captured_at=observation.captured_at)
        kept.valid_until = 2**64 - 1
        if chunk is not None:
            kept.MergeFrom(pb.ActionChunk(text=chunk.text, tokens=chunk.tokens, confidence=chunk.confidence))
            kept.timings.extend(chunk.timings)
        return kept

    def _check(self, chunk: pb.ActionChunk, observation: pb.Observation) -> None:
        """Raises ``RobotFailure`` when the chunk is no answer to ``observation``."""
        try:
            check_answer(chunk, observation)
        except ClientError as error:
            raise RobotFailure(error.code, error.field, error.message) from error
        if chunk.policy_digest != self._agreement.policy_digest:
            message = f"agreed was policy {self._agreement.policy_digest}, policy {chunk.policy_digest} answers"
            raise RobotFailure("policy_changed", "action_chunk.policy_digest", message)
        if not 1 <= len(chunk.actions) <= self._agreement.chunk_length:
            message = f"expected 1 to {self._agreement.chunk_length} actions, found {len(chunk.actions)}"
            raise RobotFailure("invalid_action", "action_chunk.actions", message)
        self._setbacks.end()

    def _execute(self, execution: Execution, result: EpisodeResult) -> None:
        """Executes the chunk's actions, as far as they are still valid when their turn comes."""
        chunk = execution.chunk
        for index in range(1 if self._loop == "closed" else len(chunk.actions)):
            if self._is_late(chunk):
                self._hold(result)
                break
            self._take(execution, index, result)
            if self._is_over(result):
                break
        else:
            self._setbacks.forget_reason()
        if self._loop == "closed":
            # What was not executed is dropped.
            self._consumed = len(chunk.actions)
        self._finish(execution, result)

    def _begin(
        self,
        chunk: pb.ActionChunk,
        proprioception: tuple[float, ...],
        period_ms: float | None,
        latency: dict[str, float],
    ) -> Execution:
        """The chunk, checked before the first action moves anything: it is all right or not at all."""
        began = time.perf_counter()
        if chunk.actions:
            self._consumed = 0
        hold = self._environment.hold_action()
        commands = [self._command(action, index, hold) for index, action in enumerate(chunk.actions)]
        return Execution(chunk, commands, proprioception, period_ms, latency, began)

    def _is_late(self, chunk: pb.ActionChunk) -> bool:
        if self._clock.now() <= chunk.valid_until:
            return False
        self._setbacks.say("late", "the actions came after they were valid; holding")
        return True

    def _take(self, execution: Execution, index: int, result: EpisodeResult) -> None:
        """Executes one action."""
        self._on_take(execution, index)
        transition = self._advance(execution.commands[index], result)
        self._consumed += 1
        action = execution.chunk.actions[index]
        execution.limited += action.limited != 0
        execution.limit_flags |= action.limited
        execution.executed.append(tuple(action.values))
        self._count(execution, transition.outcome, result)

    def _count(self, execution: Execution, outcome: str, result: EpisodeResult) -> None:
        """Notes what came of a primitive."""
        execution.outcomes.append(outcome)
        if outcome:
            result.outcomes[outcome] = result.outcomes.get(outcome, 0) + 1

    def _finish(self, execution: Execution, result: EpisodeResult) -> None:
        """Counts and reports a chunk of which nothing more will be executed."""
        result.policy_steps += 1
        result.limited_actions += execution.limited
        execution.latency["simulate"] = _milliseconds_since(execution.began)
        self._on_step(
            PolicyStep(
                step=result.steps,
                policy_steps=result.policy_steps,
                success=result.success,
                period_ms=execution.period_ms,
                latency_ms=execution.latency,
                limited=execution.limited,
                confidence=execution.chunk.confidence,
                limit_flags=execution.limit_flags,
                proprioception=execution.proprioception,
                tokens=tuple(execution.chunk.tokens),
                commands=tuple(execution.executed),
                sentence=execution.chunk.text if self._primitives else None,
                outcomes=tuple(execution.outcomes) if self._primitives else None,
            )
        )

    def _command(self, action: pb.Action, index: int, hold: np.ndarray) -> Command:
        field = f"action_chunk.actions[{index}]"
        if action.primitive and not self._primitives:
            raise RobotFailure("invalid_action", field, f"this body has no primitive {action.primitive!r}")
        try:
            return Command(self._agreement.command(action.values, hold), action.primitive)
        except ValueError as error:
            raise RobotFailure("invalid_action", field, str(error)) from error

    def _hold(self, result: EpisodeResult) -> None:
        if not self._is_over(result):
            result.held_steps += 1
            self._environment.brake()
            self._advance(Command(self._environment.hold_action()), result)

    def _advance(self, command: Command, result: EpisodeResult) -> Transition:
        transition = self._environment.step(command.values, command.primitive)
        self._clock.advance()
        result.steps += 1
        result.success_at_end = transition.success
        self._has_ended = transition.done
        result.other_task = result.other_task or transition.other_task
        if transition.success and not result.success:
            result.success, result.steps_to_success = True, result.steps
        self._on_advance(transition)
        return transition

    def _is_over(self, result: EpisodeResult) -> bool:
        has_answered = self._loop == "open" and result.policy_steps > 0
        is_at_limit = self._has_ended or result.steps >= self._step_limit
        return has_answered or is_at_limit or (result.success and self._stops_at_success)

    def _reset_link(self) -> None:
        while True:
            try:
                self._link.reset()
                return
            except (Timeout, Disconnected) as error:
                self._setbacks.note(error)
            except ClientError as error:
                raise RobotFailure(error.code, error.field, error.message) from error

    def _pause(self, seconds: float) -> None:
        """Lets a moment pass before the robot asks again."""
        time.sleep(seconds)


def stages(chunk: pb.ActionChunk) -> dict[str, float]:
    """The daemon's own timings, stage name to milliseconds."""
    names = {value: name.removeprefix("STAGE_").lower() for name, value in pb.Stage.items() if value}
    return {names[timing.stage]: timing.duration / 1e6 for timing in chunk.timings if timing.stage in names}


def _milliseconds_since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000
