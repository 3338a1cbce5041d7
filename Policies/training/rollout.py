"""Closed-loop episodes of a policy, several scenes in step so that the model runs on batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from policy import Policy
from shards import encode_jpeg
from spec import CAMERAS, FRAME_SIZE, INSTRUCTIONS


@dataclass
class Episode:
    """How one episode went; ``steps`` counts control steps up to success or to the limit."""

    task: str
    seed: int
    success: bool = False
    steps: int = 0


Observer = Callable[[object, int, int, list[bytes], np.ndarray, np.ndarray], None]
"""Called with (scene, task index, seed, frames, tokens ``[16]``, margins ``[16]``) before a chunk is executed."""


def roll(
    policy: Policy,
    task: str,
    seeds: list[int],
    limit: int,
    parallel: int = 5,
    steps_after_success: int = 0,
    observer: Observer | None = None,
    instruction: str | None = None,
) -> list[Episode]:
    """Runs an episode for each seed: observe, say a chunk, execute all of it, until success or ``limit`` steps.

    The policy is told ``instruction``, by default the task's own.
    """
    from uio2_envs.metaworld_scene import MetaWorldScene

    index = policy.recipe.index[task]
    sentence = instruction or INSTRUCTIONS[task]
    scenes = [MetaWorldScene(task, CAMERAS, FRAME_SIZE) for _ in range(min(parallel, len(seeds)))]
    episodes = []
    waiting = list(seeds)
    running: list[tuple[object, Episode]] = []
    idle = list(scenes)
    while waiting or running:
        while waiting and idle:
            scene, seed = idle.pop(), waiting.pop(0)
            scene.reset(seed)
            running.append((scene, Episode(task, seed)))
        frames = [[encode_jpeg(scene.render(camera)) for camera in CAMERAS] for scene, _ in running]
        states = np.stack([scene.proprioception() for scene, _ in running])
        tokens, margins = policy.tokens(frames, states, [sentence] * len(running))
        chunks = policy.actions(tokens)
        still = []
        for row, (scene, episode) in enumerate(running):
            if observer is not None:
                observer(scene, index, episode.seed, frames[row], tokens[row], margins[row])
            for action in chunks[row]:
                if scene.steps >= limit or (episode.success and scene.steps >= episode.steps + steps_after_success):
                    break
                scene.step(action)
                if not episode.success:
                    episode.success, episode.steps = scene.success, scene.steps
            over = episode.success and scene.steps >= episode.steps + steps_after_success
            if over or scene.steps >= limit:
                episodes.append(episode)
                idle.append(scene)
            else:
                still.append((scene, episode))
        running = still
    for scene in scenes:
        scene.close()
    return episodes
