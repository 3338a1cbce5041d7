"""One DAgger round: the policy acts on fresh resets, the expert says what it would have done in every state visited.

    python dagger.py --bundle DIR --data DIR --round 0 [--run DIR] [--episodes 4 | --tasks reach-v3=40 push-v3=60 ...]

Writes one shard a task; a running ``train.py`` on the same folder takes it in at its next checkpoint. With ``--run``
the successes go to the learning curve, and ``sampling.json`` of the run says from then on which tasks are drawn more
often: those that fail.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

import curve
from data import Saying
from language import Instructions
from policy import Policy
from rollout import Observer, roll
from shards import ShardWriter
from spec import CHUNK_LENGTH
from uio2_train.model.products import keep_heap

STEPS_AFTER_SUCCESS = 8
LIMIT = 160
"""Control steps: what a policy does after it has been stuck for long teaches little."""
EASIEST = 0.25
"""The weight of a task that always succeeds, where one that never does has 1.25."""
MEMORY = 0.6
"""How much of the estimate of a task's success a round leaves as it was."""


def labeller(writer: ShardWriter, every: int) -> Observer:
    """An observer that adds the expert's plan in every ``every``-th control step's state to ``writer``."""

    def observe(scene, index: int, seed: int, frames: list[bytes], tokens: np.ndarray, margins: np.ndarray) -> None:
        if scene.steps % every < CHUNK_LENGTH:
            plan = scene.expert_plan(CHUNK_LENGTH)
            writer.add(frames, scene.proprioception(), plan, scene.object_and_goal(), index, seed)

    return observe


def update_sampling(path: Path, successes: Mapping[str, float]) -> dict[str, float]:
    """Takes a round's success rates (task to 0..1) into the file of weights; returns the rates as now estimated."""
    rates = json.loads(path.read_text())["successes"] if path.exists() else {}
    for task, rate in successes.items():
        rates[task] = MEMORY * rates[task] + (1 - MEMORY) * rate if task in rates else rate
    weights = {task: round(EASIEST + 1.0 - rate, 4) for task, rate in rates.items()}
    temporary = path.with_suffix(".partial")
    temporary.write_text(json.dumps({"weights": weights, "successes": rates}, indent=1) + "\n")
    os.replace(temporary, path)
    return rates


def fly(policy: Policy, data: Path, number: int, wanted: Mapping[str, int], limit: int, say: Saying) -> dict[str, list]:
    """Makes the shards of a round that are not there yet; returns task to [successes, episodes] of those made."""
    recipe, counts = policy.recipe, {}
    every = CHUNK_LENGTH if recipe.record_every == CHUNK_LENGTH else 2 * CHUNK_LENGTH
    for task, count in wanted.items():
        path = data / f"dagger-{number:03d}-{task}.npz"
        if path.exists():
            continue
        writer = ShardWriter()
        seeds = list(recipe.dagger_seeds(number, task, count))
        observer = labeller(writer, every)
        instruction = say(recipe.index[task])
        episodes = roll(policy, task, seeds, limit, 5, STEPS_AFTER_SUCCESS, observer, instruction)
        writer.write(path)
        successes = sum(episode.success for episode in episodes)
        counts[task] = [successes, len(episodes)]
        print(f"{path.name}: {successes}/{len(episodes)} succeeded, {len(writer.rows['task'])} samples", flush=True)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data" / "shards")
    parser.add_argument("--run", type=Path, help="keep the successes and the tasks' weights in this run's folder")
    parser.add_argument("--round", type=int, required=True)
    parser.add_argument("--episodes", type=int, default=30, help="a task")
    parser.add_argument("--tasks", nargs="+", metavar="TASK=N", help="only these tasks, N episodes each")
    parser.add_argument("--limit", type=int, default=LIMIT, help="control steps of an episode")
    arguments = parser.parse_args()
    keep_heap()
    torch.set_num_threads(1)
    policy = Policy(arguments.bundle)
    wanted = dict.fromkeys(policy.recipe.tasks, arguments.episodes)
    if arguments.tasks:
        wanted = {task: int(count) for task, count in (item.split("=") for item in arguments.tasks)}
    say = Instructions(policy.recipe).canonical
    counts = fly(policy, arguments.data, arguments.round, wanted, arguments.limit, say)
    if arguments.run and counts:
        update_sampling(arguments.run / "sampling.json", {task: s / n for task, (s, n) in counts.items()})
        total = [sum(column) for column in zip(*counts.values(), strict=True)]
        values = {"round": arguments.round, "successes": total[0], "episodes": total[1], "by_task": counts}
        curve.append(arguments.run, "closed-loop", **exported_at(arguments.bundle), limit=arguments.limit, **values)


def exported_at(bundle: Path) -> dict[str, float]:
    """The step and the samples at which a bundle was exported, as ``export.py`` notes them."""
    path = bundle / "exported.json"
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    main()
