"""``python -m uio2_tabletop measure``, ``… sentences``, ``… show``, ``… demonstrate`` and ``… wordings``.

Figures, sentences executed by physics, pictures, demonstrations, and sentences for a voice to say.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from uio2_envs.adapters.opengl import choose_backend
from uio2_envs.command_line import EXIT_ENVIRONMENT
from uio2_envs.environment import EnvironmentFailure
from uio2_envs.output import Output, Unwritable
from uio2_envs.run_figures import NoRun, RunFigures


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m uio2_tabletop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    measuring = commands.add_parser("measure", help="the oracles' success, primitives a second, and what drawing costs")
    measuring.add_argument("--families", default="", help="comma-separated (all)")
    measuring.add_argument("--levels", default="l1,l2,l3", help="comma-separated, of train, l1, l2, l3 (l1,l2,l3)")
    measuring.add_argument("--episodes", type=_count, default=100, help="of each task (100)")
    measuring.add_argument("--seed", type=int, default=0, help="of the first episode (0)")
    loops = ("open", "closed")
    measuring.add_argument("--loop", choices=loops, default="open", help="one answer, or one a primitive (open)")
    measuring.add_argument("--no-drawing", action="store_true", help="leave EGL and OSMesa out")
    measuring.add_argument("--json", type=Output.argument, metavar="FILE", help="write the figures there as well")
    measuring.add_argument("--run", type=Path, metavar="RUN", help="keep the figures in this run of a suite of the table, for uio2 report")
    saying = commands.add_parser("sentences", help="execute sentences that say every number at every place")
    saying.add_argument("--stride", type=_count, default=1, help="take every Nth number (1)")
    showing = commands.add_parser("show", help="draw the prompts of some tasks, and what their oracles do")
    showing.add_argument("tasks", nargs="+", metavar="TASK", help="such as put-into-l1")
    showing.add_argument("--seed", type=int, default=0, help="of the episodes (0)")
    showing.add_argument("--output", type=Output.argument, required=True, metavar="FILE", help="a PNG file")
    telling = commands.add_parser("demonstrate", help="write demonstrations of the oracles, to train a policy on")
    telling.add_argument("--output", type=Path, required=True, metavar="DIR", help="where they go; what is there stays")
    telling.add_argument("--first", type=int, default=0, help="the first file's number (0)")
    telling.add_argument("--files", type=_count, default=1, help="files, of 28 seeds of each family (1)")
    wording = commands.add_parser("wordings", help="write the sentences of a level, for uio2_train speak to say them")
    wording.add_argument("--output", type=Output.argument, required=True, metavar="FILE", help="a YAML file")
    wording.add_argument("--level", default="train", help="train, l1, l2 or l3 (train)")
    wording.add_argument("--seeds", type=_count, default=3000, help="episodes of each family that are looked at (3000)")
    options = parser.parse_args(arguments)
    if options.command in ("show", "demonstrate"):
        try:
            choose_backend()
        except EnvironmentFailure as failure:
            print(failure, file=sys.stderr)
            return 5
    # Not before: MuJoCo reads once how it draws, when it is imported.
    from .measure import for_run, measure
    from .tasks import FAMILIES, LEVELS, TASKS

    if options.command == "show":
        if unknown := [task for task in options.tasks if task not in TASKS]:
            parser.error(f"no such task: {', '.join(unknown)}; there are: {', '.join(TASKS)}")
        from .show import show

        options.output.write(show(options.tasks, options.seed))
        return 0
    if options.command == "demonstrate":
        from .demonstrate import demonstrate

        demonstrate(options.output, options.first, options.files, list(FAMILIES), lambda line: print(line, flush=True))
        return 0
    if options.command == "wordings":
        from .wordings import wordings

        if options.level not in LEVELS:
            parser.error(f"no such level: {options.level}; there are: {', '.join(LEVELS)}")
        said = wordings(options.level, options.seeds)
        # Which is YAML, too.
        options.output.write(json.dumps(said, indent=1) + "\n")
        print(f"{len(said)} sentences")
        return 0
    if options.command == "sentences":
        from .sentences import execute_all

        outcomes, farthest, landed = execute_all(options.stride)
        print(f"{outcomes.total()} sentences: {', '.join(f'{count} {name}' for name, count in outcomes.most_common())}")
        print(f"the hand was at most {farthest:.3f} half bins from where it was sent, and met the scene at most {landed:.3f} from there")
        return 0
    families, levels = (options.families or ",".join(FAMILIES)).split(","), options.levels.split(",")
    for kind, found, known in (("family", families, FAMILIES), ("level", levels, LEVELS)):
        if unknown := [name for name in found if name not in known]:
            parser.error(f"no such {kind}: {', '.join(unknown)}; there are: {', '.join(known)}")
    try:
        run = RunFigures(options.run, "tabletop") if options.run else None
    except NoRun as failure:
        parser.error(f"--run: {failure}")
    names = [f"{family}-{level}" for family in families for level in levels]
    figures = measure(
        names,
        options.episodes,
        options.seed,
        options.loop,
        draws=not options.no_drawing,
        say_line=lambda line: print(line, flush=True),
    )
    try:
        if options.json:
            options.json.write(json.dumps(figures, indent=1) + "\n")
        if run is not None:
            words = sys.argv[1:] if arguments is None else arguments
            versions = {name: metadata.version(name) for name in ("mujoco", "numpy")}
            run.add(for_run(figures), shlex.join(["python", "-m", "uio2_tabletop", *words]), versions)
    except (NoRun, Unwritable) as failure:
        print(failure, file=sys.stderr)
        return EXIT_ENVIRONMENT
    return 0


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
