"""Generates recovery demonstrations: the expert disturbed, labelled with its clean plan from the very state reached.

    python generate.py --data DIR [--rounds 50] [--first-round 0] [--workers 2]

A round is one shard of 28 episodes (8 reach, 8 push, 4 of each other task); its seeds follow from its number alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import numpy as np

from shards import ShardWriter, encode_jpeg
from spec import CAMERAS, CHUNK_LENGTH, FRAME_SIZE, TASKS, TRAINING_SEEDS

EPISODES_A_ROUND = {"reach-v3": 8, "push-v3": 8}
DEFAULT_EPISODES = 4
RECORD_EVERY = 4
STEPS_AFTER_SUCCESS = 10
MAXIMUM_STEPS = 240
LARGEST_NOISE = 0.4
PUSH_PROBABILITY = 0.04


class Disturbance:
    """Gaussian noise whose deviation is drawn once an episode, and now and then a push of 3-8 steps."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._deviation = random.uniform(0.0, LARGEST_NOISE)
        self._push = np.zeros(4)
        self._remaining = 0

    def apply(self, action: np.ndarray) -> np.ndarray:
        """The action ``[4]`` to execute in place of the clean one."""
        if self._remaining == 0 and self._random.random() < PUSH_PROBABILITY:
            self._remaining = int(self._random.integers(3, 9))
            self._push = np.append(self._random.uniform(-1.0, 1.0, 3), 0.0)
        noise = self._random.normal(0.0, self._deviation, 4)
        disturbed = action + noise
        if self._remaining > 0:
            self._remaining -= 1
            disturbed = disturbed + 1.5 * self._push
        return np.clip(disturbed, -1.0, 1.0)


def record_episode(scene, writer: ShardWriter, task: int, seed: int) -> bool:
    """Runs one disturbed episode of ``scene`` and adds every fourth state to ``writer``; returns whether it succeeded."""
    disturbance = Disturbance(np.random.default_rng(seed))
    scene.reset(seed)
    remaining = STEPS_AFTER_SUCCESS
    succeeded = False
    while scene.steps < MAXIMUM_STEPS and remaining > 0:
        if scene.steps % RECORD_EVERY == 0:
            frames = [encode_jpeg(scene.render(camera)) for camera in CAMERAS]
            plan = scene.expert_plan(CHUNK_LENGTH)
            writer.add(frames, scene.proprioception(), plan, scene.object_and_goal(), task, seed)
        scene.step(disturbance.apply(scene.expert()))
        succeeded |= scene.success
        remaining -= int(succeeded)
    return succeeded


def run_rounds(data: Path, rounds: list[int]) -> None:
    """Generates the shards of ``rounds`` that are not there yet."""
    from uio2_envs.metaworld_scene import MetaWorldScene

    scenes = {task: MetaWorldScene(task, CAMERAS, FRAME_SIZE) for task in TASKS}
    for number in rounds:
        path = data / f"demonstrations-{number:05d}.npz"
        if path.exists():
            continue
        started = time.monotonic()
        writer = ShardWriter()
        successes = []
        for index, task in enumerate(TASKS):
            count = EPISODES_A_ROUND.get(task, DEFAULT_EPISODES)
            first = TRAINING_SEEDS + number * 100 + index * 10
            successes.append(sum(record_episode(scenes[task], writer, index, first + k) for k in range(count)))
        writer.write(path)
        seconds = time.monotonic() - started
        print(f"{path.name}: {len(writer.rows['task'])} samples, successes {successes}, {seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--first-round", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    rounds = list(range(arguments.first_round, arguments.first_round + arguments.rounds))
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=run_rounds, args=(arguments.data, rounds[k :: arguments.workers]))
        for k in range(arguments.workers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a worker failed; its shards can be generated again with the same command")


if __name__ == "__main__":
    main()
