"""``python -m uio2_train collect | from-recording | speak | inspect | pictures | train | export | evaluate | budget``."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from .errors import TrainingError

COMMANDS = {
    "collect": "episodes of a scripted expert as a dataset",
    "from-recording": "recordings (--record) as a LeRobot dataset",
    "speak": "recordings of a policy's instructions by espeak-ng",
    "inspect": "what is in a dataset, and the policy.json that would be made of it",
    "pictures": "train the tokeniser of pictures that a recipe's policy writes",
    "train": "train the policy of a recipe; the same command again goes on",
    "export": "write the bundle that uio2 serves",
    "evaluate": "fly the exported policy through the daemon",
    "budget": "memory and arithmetic of fine-tuning the released sizes",
}


def main(words: list[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0 done, 1 failed, 2 wrong usage, 128 and the signal that stopped it."""
    parser = argparse.ArgumentParser("python -m uio2_train", description="Trains Unified-IO 2 as a robot policy.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        module = import_module(f".commands.{name.replace('-', '_')}", __package__)
        part = commands.add_parser(name, help=text, description=module.__doc__)
        module.arguments(part)
        part.set_defaults(action=module.run)
    options = parser.parse_args(words)
    try:
        options.action(options)
    except TrainingError as error:
        print(f"uio2_train: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"uio2_train: {error.filename or options.command}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
