"""What a person reads before an arm moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from uio2_client import uio2_pb2 as pb
from uio2_envs.robot import PolicyStep

from .arm import ArmState
from .body import Step
from .configuration import AXES, Configuration
from .envelope import Envelope


def described(
    configuration: Configuration, capabilities: pb.Capabilities, instruction: str, state: ArmState, goes_home: bool
) -> Iterator[str]:
    """What the arm would do, a line each."""
    limits, position = configuration.limits, state.pose.position
    is_inside = Envelope(limits, 1 / configuration.control_rate).contains(position)
    yield f"policy    {capabilities.policy_name} ({capabilities.policy_digest[:12]})"
    yield f"task      {instruction}"
    commands = ", ".join(quantity.name for quantity in capabilities.actions)
    yield (
        f"commands  {commands}: {configuration.mode}, frame {capabilities.action_frame}, "
        f"{configuration.control_rate:g} Hz, chunks of {capabilities.chunk_length}"
    )
    yield f"cameras   {', '.join(f'{c.name} {c.width}x{c.height}' for c in capabilities.cameras) or 'none'}"
    yield f"daemon    {_daemon_limits(capabilities)}"
    box = ", ".join(f"{axis} {low:g} to {high:g}" for axis, low, high in zip(AXES, *limits.workspace, strict=True))
    yield (
        f"robot     {box} m; {limits.speed:g} m/s, {limits.acceleration:g} m/s², {limits.rotation_rate:g} rad/s, "
        f"jump {limits.jump:g} m"
    )
    place = "inside the workspace" if is_inside else "OUTSIDE the workspace"
    yield f"arm       {configuration.name} at {configuration.place}, tool at {_numbers(position)} m, {place}"
    yield f"start     {'goes home first' if goes_home else 'from where it is'}"
    yield f"hold      brakes with {limits.acceleration:g} m/s² and stays, the grip as it is"
    end = (
        f"goes home, joints {_numbers(configuration.home)} rad" if configuration.end == "home" else "stays where it is"
    )
    yield f"end       {end}"
    yield (
        "stop      Enter at this terminal, or a Stop to the daemon; Ctrl-C ends the run. "
        "None of them is safety-rated: keep the arm's own button in hand"
    )


def said(configuration: Configuration, step: PolicyStep, last: Step | None) -> str:
    """One answer of the policy in a dry run, and where its last command would lead."""
    commands = " | ".join(_numbers(command) for command in step.commands) or "none in time"
    place = "" if last is None else f" -> tool to {_numbers(last.setpoint)} m"
    limited = f", limited by the robot: {' '.join(last.limited)}" if last is not None and last.limited else ""
    return f"step {step.policy_steps}: {commands}{place}{limited}; {step.limited} limited by the daemon"


def _daemon_limits(capabilities: pb.Capabilities) -> str:
    limits = capabilities.limits
    if capabilities.unlimited:
        return "no limits but the range of its actions"
    parts = []
    if limits.workspace_minimum:
        parts.append(
            f"workspace {_numbers(limits.workspace_minimum)} to {_numbers(limits.workspace_maximum)} m (its frame)"
        )
    if limits.maximum_speed:
        parts.append(f"{limits.maximum_speed:g} m/s")
    if limits.maximum_rotation_rate:
        parts.append(f"{limits.maximum_rotation_rate:g} rad/s")
    if limits.maximum_jump:
        parts.append(f"jump {limits.maximum_jump:g} m")
    return "; ".join(parts) or "says nothing of limits"


def _numbers(values: Sequence[float] | np.ndarray) -> str:
    return "[" + " ".join(f"{value:.3f}" for value in values) + "]"
