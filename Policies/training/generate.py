"""Generates recovery demonstrations: the expert disturbed, labelled with its clean plan from the very state reached.

    python generate.py --data DIR [--rounds 50] [--first-round 0] [--workers 2]
    python generate.py --data DIR --first-round 100 --rounds 30 --only reach-v3=40 --record-every 8

A round is one shard of 28 episodes (8 reach, 8 push, 4 of each other task), or of what ``--only`` says; its seeds
follow from its number alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import numpy as np

from shards import ShardWriter, encode_jpeg
from spec import CAMERAS, CHUNK_LENGTH, FRAME_SIZE, TASKS, TRAINING_SEEDS

EPISODES_A_ROUND = {
    "reach-v3": 8, "push-v3": 8, "drawer-close-v3": 4, "button-press-topdown-v3": 4, "door-open-v3": 4
}  # fmt: skip
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


def record_episode(scene, writer: ShardWriter, task: int, seed: int, record_every: int) -> bool:
    """Runs one disturbed episode of ``scene``, adds some of its states to ``writer``; returns whether it succeeded."""
    disturbance = Disturbance(np.random.default_rng(seed))
    scene.reset(seed)
    remaining = STEPS_AFTER_SUCCESS
    succeeded = False
    while scene.steps < MAXIMUM_STEPS and remaining > 0:
        if scene.steps % record_every == 0:
            frames = [encode_jpeg(scene.render(camera)) for camera in CAMERAS]
            plan = scene.expert_plan(CHUNK_LENGTH)
            writer.add(frames, scene.proprioception(), plan, scene.object_and_goal(), task, seed)
        scene.step(disturbance.apply(scene.expert()))
        succeeded |= scene.success
        remaining -= int(succeeded)
    return succeeded


def run_rounds(data: Path, rounds: list[int], episodes: dict[str, int], record_every: int) -> None:
    """Generates the shards of ``rounds`` that are not there yet."""
    from uio2_envs.metaworld_scene import MetaWorldScene

    scenes = {task: MetaWorldScene(task, CAMERAS, FRAME_SIZE) for task in episodes}
    for number in rounds:
        path = data / f"demonstrations-{number:05d}.npz"
        if path.exists():
            continue
        started = time.monotonic()
        writer = ShardWriter()
        successes = []
        for task, count in episodes.items():
            index = TASKS.index(task)
            first = TRAINING_SEEDS + number * 100 + index * 10
            seeds = range(first, first + count)
            successes.append(sum(record_episode(scenes[task], writer, index, seed, record_every) for seed in seeds))
        writer.write(path)
        seconds = time.monotonic() - started
        print(f"{path.name}: {len(writer.rows['task'])} samples, successes {successes}, {seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--first-round", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="TASK=N", help="these tasks, N episodes each a round")
    parser.add_argument("--record-every", type=int, default=4, metavar="STEPS")
    arguments = parser.parse_args()
    episodes = EPISODES_A_ROUND
    if arguments.only:
        episodes = {task: int(count) for task, count in (item.split("=") for item in arguments.only)}
    arguments.data.mkdir(parents=True, exist_ok=True)
    rounds = list(range(arguments.first_round, arguments.first_round + arguments.rounds))
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(
            target=run_rounds,
            args=(arguments.data, rounds[k :: arguments.workers], episodes, arguments.record_every),
        )
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
