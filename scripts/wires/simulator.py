"""A Meta-World body behind two pipes, for clients whose numpy is not the simulator's.

    PYTHONPATH=Envs:Envs/client .venv/bin/python scripts/wires/simulator.py TASK

One pickled tuple of plain values a request and a reply, over standard input and output: ``("reset", seed)``, ``("look",)`` with the
cameras and the state of the policy, ``("step", values)`` with whether the episode is over and whether the task is done.
"""

import json
import os
import pathlib
import pickle
import sys

from uio2_envs import adapters

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def main(task):
    # Whatever the simulator prints belongs to nobody's messages.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    policy = json.loads((REPOSITORY / "Policies/metaworld-mt5/policy.json").read_text())
    environment = adapters.make("metaworld", task)
    while True:
        try:
            name, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if name == "reset":
            environment.reset(*arguments)
            reply = environment.instruction
        elif name == "look":
            pictures = {}
            for camera in policy["cameras"]:
                size = camera["width"], camera["height"]
                picture = environment.render(camera["name"], *size, camera["vertical_field_of_view_degrees"])
                pictures[camera["name"]] = (picture.shape, picture.tobytes())
            felt = environment.observe()
            reply = pictures, [felt[quantity["name"]] for quantity in policy["proprioception"]]
        else:
            transition = environment.step(arguments[0])
            reply = transition.done, transition.success
        pickle.dump(reply, replies)
        replies.flush()


if __name__ == "__main__":
    main(sys.argv[1])
