"""What is known of an episode: each answer of the policy, what came of it, and how it all went."""

from __future__ import annotations

from dataclasses import dataclass, field

from uio2_client import uio2_pb2 as pb

from .environment import Command

LOOPS = ("chunk", "closed", "open")
"""How much of an answer is executed before the robot looks again: all of it, its first action, or all of it and then no more: one
answer is the whole episode."""

UNREADABLE = "unreadable"
"""The outcome of an answer that is no sentence of the action space, or names a primitive that the body does not have."""


@dataclass(frozen=True)
class PolicyStep:
    """One answer of the policy, after its actions were executed."""

    step: int
    """Control steps of the episode so far."""
    policy_steps: int
    success: bool
    period_ms: float | None
    """Since the policy step before began; ``None`` for the first of an episode."""
    latency_ms: dict[str, float]
    limited: int
    """Executed actions that the safety envelope had changed."""
    confidence: float
    limit_flags: int = 0
    """Which limits changed them: the flags of the wire, joined."""
    proprioception: tuple[float, ...] = ()
    """What the robot felt when it asked, in the policy's order."""
    tokens: tuple[int, ...] = ()
    commands: tuple[tuple[float, ...], ...] = ()
    """The executed commands, in the policy's units and order."""
    sentence: str | None = None
    """What a body with primitives was told; ``None`` for other bodies."""
    outcomes: tuple[str, ...] | None = None
    """What came of each primitive; ``None`` for bodies without."""


@dataclass
class EpisodeResult:
    """How an episode went."""

    seed: int
    success: bool = False
    """At any step."""
    success_at_end: bool = False
    """In the last state."""
    steps_to_success: int | None = None
    steps: int = 0
    policy_steps: int = 0
    limited_actions: int = 0
    held_steps: int = 0
    skipped_actions: int = 0
    """Actions of fresh chunks that lay in the past when they came; in lockstep there are none."""
    other_task: str = ""
    """The first other task of a shared scene that was done although another one was said; empty for none."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """How often each outcome of a primitive came; empty for bodies without."""
    late_steps: int = 0
    """Control steps that began after their time, because the simulator could not keep up; in lockstep there are none."""
    wall_s: float = 0.0


@dataclass
class Execution:
    """A chunk on its way through the body."""

    chunk: pb.ActionChunk
    commands: list[Command]
    """For the body."""
    proprioception: tuple[float, ...]
    period_ms: float | None
    latency: dict[str, float]
    began: float
    limited: int = 0
    limit_flags: int = 0
    executed: list[tuple[float, ...]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
