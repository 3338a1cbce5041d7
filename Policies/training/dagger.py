"""One DAgger round: the policy acts on fresh resets, the expert says what it would have done in every state visited.

    python dagger.py --bundle DIR --data DIR --round 0 [--episodes reach-v3=40 push-v3=60 ...]

Writes one shard a task; a running ``train.py`` on the same folder takes it in at its next checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from linear import keep_heap
from policy import Policy
from rollout import Observer, roll
from shards import ShardWriter
from spec import CHUNK_LENGTH, DAGGER_SEEDS, TASKS

STEPS_AFTER_SUCCESS = 8
LIMIT = 160
"""Control steps: what a policy does after it has been stuck for long teaches little."""


def labeller(writer: ShardWriter) -> Observer:
    """An observer that adds every state with the expert's plan to ``writer``."""

    def observe(scene, index: int, seed: int, frames: list[bytes], tokens: np.ndarray, margins: np.ndarray) -> None:
        writer.add(
            frames, scene.proprioception(), scene.expert_plan(CHUNK_LENGTH), scene.object_and_goal(), index, seed
        )

    return observe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data" / "shards")
    parser.add_argument("--round", type=int, required=True)
    parser.add_argument("--episodes", nargs="+", default=[f"{task}=30" for task in TASKS], metavar="TASK=N")
    arguments = parser.parse_args()
    keep_heap()
    torch.set_num_threads(1)
    policy = Policy(arguments.bundle)
    for item in arguments.episodes:
        task, count = item.split("=")
        path = arguments.data / f"dagger-{arguments.round:03d}-{task}.npz"
        if path.exists():
            continue
        writer = ShardWriter()
        first = DAGGER_SEEDS + arguments.round * 10_000 + TASKS.index(task) * 1_000
        seeds = list(range(first, first + int(count)))
        episodes = roll(policy, task, seeds, LIMIT, 5, STEPS_AFTER_SUCCESS, observer=labeller(writer))
        writer.write(path)
        successes = sum(episode.success for episode in episodes)
        print(f"{path.name}: {successes}/{len(episodes)} succeeded, {len(writer.rows['task'])} samples", flush=True)


if __name__ == "__main__":
    main()
