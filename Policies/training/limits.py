"""Measures what the scripted experts need of speed, room and reach: where a policy's limits come from.

    python limits.py --recipe metaworld-mt5 --episodes 40

Prints, for each task and for all of them, the 99.9th percentile of what a limit bounds: the speed of a command along
each axis and as a vector, the distance that a chunk leads away from the measured position, and the box that measured
and commanded positions lie in (its sides at the 0.05th and the 99.95th percentile). Episodes run on for some steps
after success, half of them with the disturbance of the demonstrations, from which the expert has to recover.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

import numpy as np

from generate import STEPS_AFTER_SUCCESS, Disturbance
from spec import CHUNK_LENGTH, HELD_OUT_SEEDS, RECIPES

PERCENTILE = 99.9


@dataclass
class Record:
    """What the expert measured and commanded, ``[steps, 3]`` metres each, an entry an episode."""

    positions: list[np.ndarray] = field(default_factory=list)
    commands: list[np.ndarray] = field(default_factory=list)

    def reaches(self) -> np.ndarray:
        """Where chunks lead, metres from the measured position: ``[n, 3]``, every prefix of every chunk."""
        found = [np.zeros((0, 3))]
        for commands in self.commands:
            for length in range(1, CHUNK_LENGTH + 1):
                windows = np.lib.stride_tricks.sliding_window_view(commands, length, axis=0)
                found.append(windows.sum(axis=-1))
        return np.concatenate(found)

    def places(self) -> np.ndarray:
        """Measured positions and those that single commands lead to, ``[n, 3]``."""
        return np.concatenate([np.concatenate([p, p + c]) for p, c in zip(self.positions, self.commands, strict=True)])


def record(task: str, episodes: int, maximum_steps: int) -> Record:
    """The expert's episodes of a task, on resets that no policy is trained on."""
    from uio2_envs.metaworld_scene import ACTION_SCALE, MetaWorldScene

    scene = MetaWorldScene(task, {})
    result = Record()
    for episode in range(episodes):
        seed = HELD_OUT_SEEDS + episode
        disturbance = Disturbance(np.random.default_rng(seed)) if episode % 2 else None
        scene.reset(seed)
        positions, commands, remaining, succeeded = [], [], STEPS_AFTER_SUCCESS, False
        while scene.steps < maximum_steps and remaining > 0:
            action = scene.expert()
            positions.append(scene.proprioception()[:3].astype(np.float64))
            commands.append(action[:3].astype(np.float64) * ACTION_SCALE)
            scene.step(disturbance.apply(action) if disturbance else action)
            succeeded |= scene.success
            remaining -= int(succeeded)
        result.positions.append(np.array(positions))
        result.commands.append(np.array(commands))
    scene.close()
    return result


def describe(name: str, record: Record) -> None:
    """Prints the figures of one record."""
    from uio2_envs.metaworld_scene import CONTROL_STEP_SECONDS

    speeds = np.concatenate(record.commands) / CONTROL_STEP_SECONDS
    reaches, places = record.reaches(), record.places()

    def row(vectors: np.ndarray) -> str:
        columns = np.concatenate([np.abs(vectors), np.linalg.norm(vectors, axis=1, keepdims=True)], axis=1)
        values = "  ".join(f"{value:7.4f}" for value in np.percentile(columns, PERCENTILE, axis=0))
        return f"x y z || {values}   largest {columns[:, 3].max():.4f}"

    rest = (100 - PERCENTILE) / 2
    box = np.percentile(places, [rest, 100 - rest], axis=0)
    print(f"{name}: {len(record.commands)} episodes, {len(speeds)} commands")
    print(f"  speed, m/s            {row(speeds)}")
    print(f"  from the measured, m  {row(reaches)}")
    for axis, (low, high) in zip("xyz", box.T, strict=True):
        least, most = places[:, "xyz".index(axis)].min(), places[:, "xyz".index(axis)].max()
        print(f"  {axis}, m                  {low:7.4f} ... {high:7.4f}   all of them {least:7.4f} ... {most:7.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, required=True)
    parser.add_argument("--episodes", type=int, default=40, metavar="N", help="of each task")
    arguments = parser.parse_args()
    total = Record()
    recipe = RECIPES[arguments.recipe]
    for task in recipe.tasks:
        own = record(task, arguments.episodes, recipe.maximum_steps)
        describe(task, own)
        total.positions += own.positions
        total.commands += own.commands
    describe("all", total)


if __name__ == "__main__":
    main()
