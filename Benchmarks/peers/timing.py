"""How a contestant times itself, and the JSON object that it prints at the end of a turn."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from cases import SIZES, Case

WARM_UP_TOKENS = 2


def measure(
    encode: Callable[[], Any], decode: Callable[[Any, int], None], case: Case, repeats: int
) -> dict[str, float]:
    """Times ``encode()`` (all that happens before the first token) and ``decode(state, tokens)``, medians in ms.

    The first pass is not counted: it allocates, packs weights and takes page faults.
    """
    decode(encode(), WARM_UP_TOKENS)
    encodes, tokens, totals = [], [], []
    for _ in range(repeats):
        begin = time.perf_counter()
        state = encode()
        encoded = time.perf_counter()
        decode(state, case.new_tokens)
        end = time.perf_counter()
        encodes.append(encoded - begin)
        tokens.append((end - encoded) / case.new_tokens)
        totals.append(end - begin)
    return figures(statistics.median(encodes), statistics.median(tokens), statistics.median(totals))


def figures(encode: float, token: float, total: float) -> dict[str, float]:
    """Seconds to the figures of a case in milliseconds."""
    return {"encode_ms": encode * 1e3, "token_ms": token * 1e3, "total_ms": total * 1e3}


def best(candidates: list[dict[str, float]]) -> dict[str, float]:
    """The smallest of each figure over numbers of threads: the peer is shown at its best, each figure for itself."""
    return {name: min(candidate[name] for candidate in candidates) for name in candidates[0]}


def turn_arguments(description: str) -> argparse.ArgumentParser:
    """The options that every contestant takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    return parser


def print_turn(versions: dict[str, str], cases: dict[str, dict[str, float]]) -> None:
    """The turn's last line of standard output."""
    print(json.dumps({"versions": versions, "cases": cases}))
