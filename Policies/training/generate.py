"""Generates recovery demonstrations: the expert disturbed, labelled with its clean plan from the very state reached.

    python generate.py --recipe metaworld-mt50 --data DIR [--first-round 0] [--rounds 4] [--workers 1] [--block 2]
    python generate.py --recipe metaworld-mt50 --data DIR --held-out 4
    python generate.py --recipe metaworld-mt5 --data DIR --first-round 100 --only reach-v3=40 --record-every 8

A round is one shard with the recipe's episodes of every task, or with what ``--only`` says; its seeds follow from its
number alone. A process makes ``--block`` rounds, one task's scene at a time, and is then replaced by a fresh one, so
that memory stays bounded.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from shards import ShardWriter, encode_jpeg
from spec import CAMERAS, CHUNK_LENGTH, FRAME_SIZE, RECIPES, Recipe

STEPS_AFTER_SUCCESS = 10
LARGEST_NOISE = 0.4
PUSH_PROBABILITY = 0.04
RETRIES = (1.0, 0.5, 0.25, 0.0)
"""Strength of the disturbance at each try of one reset."""


class Disturbance:
    """Gaussian noise whose deviation is drawn once an episode, and now and then a push of 3-8 steps."""

    def __init__(self, random: np.random.Generator, strength: float = 1.0) -> None:
        self._random, self._strength = random, strength
        self._deviation = random.uniform(0.0, LARGEST_NOISE) * strength
        self._push = np.zeros(4)
        self._remaining = 0

    def apply(self, action: np.ndarray) -> np.ndarray:
        """The action ``[4]`` to execute in place of the clean one."""
        if self._remaining == 0 and self._random.random() < PUSH_PROBABILITY * self._strength:
            self._remaining = int(self._random.integers(3, 9))
            self._push = np.append(self._random.uniform(-1.0, 1.0, 3), 0.0)
        noise = self._random.normal(0.0, self._deviation, 4)
        disturbed = action + noise
        if self._remaining > 0:
            self._remaining -= 1
            disturbed = disturbed + 1.5 * self._push
        return np.clip(disturbed, -1.0, 1.0)


def run_expert(scene, seed: int, strength: float, maximum_steps: int, every: int, phase: int) -> tuple[list, bool]:
    """One disturbed episode of ``scene``, not rendered: the states to record, and whether it succeeded."""
    disturbance = Disturbance(np.random.default_rng(seed), strength)
    scene.reset(seed)
    remaining = STEPS_AFTER_SUCCESS
    succeeded = False
    states = []
    while scene.steps < maximum_steps and remaining > 0:
        if scene.steps % every == phase:
            states.append(scene.save())
        scene.step(disturbance.apply(scene.expert()))
        succeeded |= scene.success
        remaining -= int(succeeded)
    return states, succeeded


def record_episode(scene, writer: ShardWriter, recipe: Recipe, seed: int, every: int) -> bool:
    """Adds some states of one disturbed episode of ``scene`` to ``writer``; returns whether it succeeded.

    A recipe with ``retry_failures`` keeps no failed episode: a reset is tried again with a weaker disturbance.
    """
    phase = int(np.random.default_rng([seed, 1]).integers(every)) if recipe.retry_failures else 0
    for strength in RETRIES if recipe.retry_failures else RETRIES[:1]:
        states, succeeded = run_expert(scene, seed, strength, recipe.maximum_steps, every, phase)
        if succeeded:
            break
    if not succeeded and recipe.retry_failures:
        return False
    for state in states:
        scene.restore(state)
        frames = [encode_jpeg(scene.render(camera)) for camera in CAMERAS]
        plan = scene.expert_plan(CHUNK_LENGTH)
        writer.add(frames, scene.proprioception(), plan, scene.object_and_goal(), recipe.index[scene.task], seed)
    return succeeded


def record_shards(shards: Mapping[Path, Mapping[str, Iterable[int]]], recipe: Recipe, every: int) -> None:
    """Writes the shards at the keys' paths from the episodes task -> seeds, with one task's scene at a time."""
    from uio2_envs.metaworld_scene import MetaWorldScene

    started = time.monotonic()
    writers = {path: ShardWriter() for path in shards}
    failed: dict[str, int] = {}
    for task in dict.fromkeys(task for episodes in shards.values() for task in episodes):
        scene = MetaWorldScene(task, CAMERAS, FRAME_SIZE)
        for path, episodes in shards.items():
            for seed in episodes.get(task, ()):
                if not record_episode(scene, writers[path], recipe, seed, every):
                    failed[task] = failed.get(task, 0) + 1
        scene.close()
    for path, writer in writers.items():
        writer.write(path)
    samples = sum(len(writer.rows["task"]) for writer in writers.values())
    names = ", ".join(path.name for path in shards)
    print(f"{names}: {samples} samples, {time.monotonic() - started:.0f} s, failed {failed}", flush=True)


def _worker(data: str, name: str, rounds: list[int], episodes: Mapping[str, int], every: int) -> None:
    recipe = RECIPES[name]
    shards = {
        Path(data) / f"demonstrations-{number:05d}.npz": {
            task: recipe.training_seeds(number, task, count) for task, count in episodes.items()
        }
        for number in rounds
    }
    record_shards(shards, recipe, every)


def make_rounds(
    data: Path, recipe: Recipe, rounds: Iterable[int], episodes: Mapping[str, int], every: int, workers: int, block: int
) -> None:
    """Makes the shards of ``rounds`` that are not there yet, ``block`` of them in each process."""
    missing = [number for number in rounds if not (data / f"demonstrations-{number:05d}.npz").exists()]
    blocks = [
        (str(data), recipe.name, missing[start : start + block], dict(episodes), every)
        for start in range(0, len(missing), block)
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, maxtasksperchild=1) as pool:
        pool.starmap(_worker, blocks, chunksize=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, default="metaworld-mt5")
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--first-round", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--block", type=int, default=2, help="rounds that one process makes")
    parser.add_argument("--only", nargs="+", metavar="TASK=N", help="these tasks, N episodes each a round")
    parser.add_argument("--record-every", type=int, metavar="STEPS", help="default: the recipe's")
    parser.add_argument("--held-out", type=int, metavar="N", help="instead: N episodes a task, never trained on")
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.recipe]
    every = arguments.record_every or recipe.record_every
    arguments.data.mkdir(parents=True, exist_ok=True)
    if arguments.held_out:
        episodes = {task: recipe.held_out_seeds(task, arguments.held_out) for task in recipe.tasks}
        path = arguments.data / "held-out.npz"
        if not path.exists():
            record_shards({path: episodes}, recipe, 2 * every)
        return
    wanted: Mapping[str, int] = recipe.episodes
    if arguments.only:
        wanted = {task: int(count) for task, count in (item.split("=") for item in arguments.only)}
    rounds = range(arguments.first_round, arguments.first_round + arguments.rounds)
    make_rounds(arguments.data, recipe, rounds, wanted, every, arguments.workers, arguments.block)


if __name__ == "__main__":
    main()
