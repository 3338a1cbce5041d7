"""Meta-World as openpi's `Environment` and as a benchmark of vla-eval; the simulator is a process of its own."""

import os
import pathlib
import pickle
import subprocess

import numpy as np
from openpi_client.runtime import environment
from vla_eval.benchmarks.base import StepBenchmark, StepResult
from vla_eval.specs import IMAGE_RGB, LANGUAGE, DimSpec

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("UIO2_PYTHON") or REPOSITORY / ".venv/bin/python"


class Body:
    """The simulator, as its pipes show it."""

    def __init__(self, task):
        path = f"{REPOSITORY / 'Envs'}:{REPOSITORY / 'Envs/client'}"
        self._process = subprocess.Popen(
            [PYTHON, REPOSITORY / "scripts/wires/simulator.py", task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )

    def _ask(self, *request):
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def reset(self, seed):
        self.instruction = self._ask("reset", seed)
        self.steps, self.success = 0, False

    def look(self):
        pictures, state = self._ask("look")
        images = {name: np.frombuffer(data, np.uint8).reshape(shape) for name, (shape, data) in pictures.items()}
        return images, np.array(state)

    def step(self, values):
        done, success = self._ask("step", [float(value) for value in values])
        self.steps += 1
        self.success = self.success or success
        return done or self.success

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)


class Room(environment.Environment):
    """For openpi's runtime: one episode a reset, seeds in order."""

    def __init__(self, body, seed=0):
        self.body, self.seed, self.is_over = body, seed, False
        self.episodes, self.commands = [], []

    def reset(self):
        self.body.reset(self.seed)
        self.seed, self.is_over = self.seed + 1, False
        self.actions = []

    def is_episode_complete(self):
        if self.is_over:
            self.episodes.append((self.body.success, self.body.steps))
            self.commands.append(self.actions)
        return self.is_over

    def get_observation(self):
        images, state = self.body.look()
        return {
            "observation/image": images["corner2"],
            "observation/topview": images["topview"],
            "observation/state": state,
            "prompt": self.body.instruction,
        }

    def apply_action(self, action):
        self.actions.append([float(value) for value in action["actions"]])
        self.is_over = self.body.step(action["actions"])


class MetaWorld(StepBenchmark):
    """For `vla-eval run`."""

    render_backends = frozenset({"gpu", "cpu"})

    def __init__(self, task="drawer-close-v3", seed=0, send_state=True):
        super().__init__()
        self.task, self.seed = task, seed
        self.body = Body(task)

    def cleanup(self):
        self.body.close()

    def get_tasks(self):
        return [{"name": self.task, "suite": "metaworld"}]

    def reset(self, task):
        self.body.reset(self.seed + int(task.get("episode_idx", 0)))
        return self.body.look()

    def step(self, action):
        done = self.body.step(np.asarray(action["actions"]))
        return StepResult(obs=self.body.look(), reward=0.0, done=done, info={"success": self.body.success})

    def make_obs(self, raw_obs, task):
        images, state = raw_obs
        return {"images": images, "state": state, "task_description": self.body.instruction}

    def get_step_result(self, step_result):
        return {"success": self.body.success}

    def get_hold_action(self, last_action):
        # Deltas: nothing to add, and the gripper as it was.
        hold = np.zeros(4, np.float32)
        if last_action is not None:
            hold[3] = np.asarray(last_action["actions"])[3]
        return {"actions": hold}

    def get_action_spec(self):
        ranges = {"delta_x": 0.01, "delta_y": 0.01, "delta_z": 0.01, "gripper": 1}
        return {name: DimSpec(name, 1, "delta", (-limit, limit)) for name, limit in ranges.items()}

    def get_observation_spec(self):
        return {"corner2": IMAGE_RGB, "topview": IMAGE_RGB, "language": LANGUAGE}
