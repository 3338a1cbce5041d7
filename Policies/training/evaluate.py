"""Closed-loop success of an exported bundle on fresh resets.

    python evaluate.py --bundle DIR [--episodes 20] [--first-seed 0] [--limit 500] [--tasks ...] [--wording 1]

An episode ends at its first success or at the limit. ``--wording N`` says the N-th of the wordings that were never
trained instead of the environment's instruction.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from policy import Policy
from rollout import roll
from spec import REPOSITORY, TEST_SEEDS
from uio2_train.model.products import keep_heap
from wordings import NEVER_TRAINED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=REPOSITORY / "Policies" / "metaworld-mt5")
    parser.add_argument("--episodes", type=int, default=20, help="a task")
    parser.add_argument("--first-seed", type=int, default=TEST_SEEDS)
    parser.add_argument("--limit", type=int, default=500, help="control steps")
    parser.add_argument("--tasks", nargs="+", help="default: all of the policy's")
    parser.add_argument("--wording", type=int, choices=(1, 2), help="say a wording that was never trained")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="a JSON file for the episodes")
    arguments = parser.parse_args()
    keep_heap()
    torch.set_num_threads(arguments.threads)
    policy = Policy(arguments.bundle)
    seeds = list(range(arguments.first_seed, arguments.first_seed + arguments.episodes))
    started = time.monotonic()
    everything = []
    for task in arguments.tasks or policy.recipe.tasks:
        instruction = NEVER_TRAINED[task][arguments.wording - 1] if arguments.wording else None
        episodes = roll(policy, task, seeds, arguments.limit, instruction=instruction)
        episodes.sort(key=lambda episode: episode.seed)
        everything += episodes
        successes = [episode for episode in episodes if episode.success]
        failed = [episode.seed for episode in episodes if not episode.success]
        median = int(np.median([episode.steps for episode in successes])) if successes else 0
        counts = f"{len(successes):3d}/{len(episodes)}"
        print(f"{task:28s} {counts} median steps {median:3d} failed seeds {failed}", flush=True)
    total = sum(episode.success for episode in everything)
    print(f"all {total}/{len(everything)} = {100 * total / len(everything):.1f} %, {time.monotonic() - started:.0f} s")
    if arguments.output:
        arguments.output.write_text(json.dumps([vars(episode) for episode in everything], indent=1))


if __name__ == "__main__":
    main()
