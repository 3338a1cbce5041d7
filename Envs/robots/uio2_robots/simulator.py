"""``python -m uio2_robots.simulator DIR``: franky-sim with its state shown to others.

The server of the arm's protocol and the physics are franky-sim's own. This adds goals that can be seen, and writes to
DIR the scene (``scene.xml``) and the state at every millisecond (``trace``), for the cameras that mirror it and for
the tests that judge what the arm did.
"""

from __future__ import annotations

import argparse
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from uio2_envs import lifeline

from . import goals
from .shared import JOINTS, Trace

if TYPE_CHECKING:
    from franky_sim.mujoco_simulator import MujocoSimulator

SCENE, TRACE = "scene.xml", "trace"
TOOL_OFFSET = np.array([0.0, 0.0, 0.1034])
"""m, from the body ``hand`` to the tool's centre point; as franky-sim says to libfranka."""
START = (0.0, -0.4, 0.0, -2.42, 0.0, 2.02, 0.785)
"""rad; the tool points down in the middle of the workspace of configurations/franka.toml."""

_GOAL = np.array([0.5, 0.0, 0.2])
"""m: of the red ball, where it is alone."""


def scene(simulator: MujocoSimulator) -> str:
    """Puts the arm and the goals into an empty simulator; the MJCF of it."""
    simulator.add_robot(initial_q=START)
    goals.add(simulator.worldbody)
    return ET.tostring(simulator.scene, encoding="unicode")


def main() -> int:
    parser = argparse.ArgumentParser(prog="uio2_robots.simulator", description="A simulated Franka arm.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where scene and state are shown")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address of the arm (127.0.0.1)")
    parser.add_argument("--speed", type=float, default=1.0, help="of simulated time, at most (1)")
    parser.add_argument(
        "--scatter",
        type=int,
        metavar="SEED",
        help="show five balls of different colours, placed by this seed; else one red ball",
    )
    parser.add_argument("--lifeline", action="store_true", help="end with the process that started this one (Linux)")
    options = parser.parse_args()
    if options.lifeline:
        lifeline.end_with_parent()

    import franky_sim
    import mujoco
    from franky_sim.mujoco_simulator import MujocoSimulator

    options.folder.mkdir(parents=True, exist_ok=True)
    trace = Trace(options.folder / TRACE, writes=True)
    places = goals.hidden()
    places[0] = _GOAL
    trace.goals = places if options.scatter is None else goals.scattered(np.random.default_rng(options.scatter))
    with MujocoSimulator() as simulator:
        (options.folder / SCENE).write_text(scene(simulator), encoding="utf-8")
        with franky_sim.SimulationServer(simulator, hostname_candidates=[options.host]) as server:
            model, data = simulator.model, simulator.data
            hand = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "robot0_hand")
            began = data.time

            def show(_: object) -> None:
                tool = data.xpos[hand] + data.xmat[hand].reshape(3, 3) @ TOOL_OFFSET
                trace.append(data.time - began, tool, data.qpos[:JOINTS])

            simulator.register_post_step_callback(show)
            print(f"ready {options.host}", flush=True)
            try:
                server.running = True
                _run(server, options.speed)
            except KeyboardInterrupt:
                pass
    return 0


def _run(server, speed: float) -> None:
    """Steps a millisecond at a time, and catches up what sleeping too long has cost, up to a tenth of a second."""
    period = 0.001 / speed
    due = time.monotonic()
    while True:
        server.run_once(realtime=False)
        due += period
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
        elif now - due > 0.1:
            due = now


if __name__ == "__main__":
    sys.exit(main())
