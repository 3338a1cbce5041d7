"""Contestant: ``uio2`` itself, by its own ``bench`` command.

    python peer_uio2.py --binary ../../.build/release/uio2 --size large --weights int8

``whole`` of ``uio2 bench`` begins with the picture's bytes; the peers start from patches that are ready. It is taken as
it is, so the ratios lean to the peers' side.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import CASES, GRAMMAR, Case

BEFORE_FIRST_TOKEN = ("vision", "encode", "cross_keys")


def _matches(case: Case, name: str) -> bool:
    """Whether an entry of ``uio2 bench`` measures ``case``; names are prose, so marks in them decide."""
    if case.image is None:
        return name.startswith("encode 640 tokens")
    width, height = case.image
    forced = "forced by the grammar" in name
    return name.startswith(f"{width}x{height} ") and forced == (case == GRAMMAR)


def convert_case(case: Case, entries: list[dict[str, Any]]) -> dict[str, float]:
    """The stages of the matching entry to the figures that every contestant gives; ``{}`` if there is none."""
    stages: dict[str, float] = {}
    for entry in entries:
        if _matches(case, entry["name"]):
            for name, values in entry["stages"].items():
                if values and values.get("median_ms") is not None:
                    stages.setdefault(name, values["median_ms"])
    if "encode" not in stages:
        return {}
    # The 640 tokens of uio2 are a picture's and 64 of text; the peers' are text alone, so the picture's own way is left out.
    before = BEFORE_FIRST_TOKEN if case.image is not None else BEFORE_FIRST_TOKEN[1:]
    found = {"encode_ms": sum(stages.get(name, 0.0) for name in before)}
    if "token" in stages:
        found["token_ms"] = stages["token"]
        found["total_ms"] = found["encode_ms"] + case.new_tokens * stages["token"]
    if case.image is not None and "whole" in stages:
        found["total_ms"] = stages["whole"]
    return found


def convert(document: dict[str, Any]) -> dict[str, Any]:
    """The JSON of ``uio2 bench`` to a turn."""
    cases = {case.key: convert_case(case, document["cases"]) for case in (*CASES, GRAMMAR)}
    return {
        "versions": {}, "ceilings": document.get("ceilings", {}),
        "cases": {key: figures for key, figures in cases.items() if figures},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Times uio2 with its own bench command.")
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--weights", choices=("f32", "bf16", "int8"), default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2, help="steps of each case that count")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "bench.json"
        command = [
            arguments.binary, "bench", "--size", arguments.size, "--weights", arguments.weights,
            "--threads", str(arguments.threads), "--steps", str(arguments.repeats), "--json", output,
        ]  # fmt: skip
        code = subprocess.run(command, stdout=sys.stderr).returncode
        if code != 0:
            raise SystemExit(f"uio2 bench ended with code {code}")
        turn = convert(json.loads(output.read_text()))
    if not turn["cases"]:
        raise SystemExit("uio2 bench measured none of the cases of cases.py")
    print(json.dumps(turn))


if __name__ == "__main__":
    main()
