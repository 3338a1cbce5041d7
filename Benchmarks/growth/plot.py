"""Draws how time grows with encoder tokens and with sessions, from the JSON of ``uio2 bench --growth``.

    python plot.py growth.json growth.png

Beside each curve stands what arithmetic says: the first point's time, multiplied by how much longer the machine's ceilings make the
work: products and attention in the encoder; in the decoder the longer of reading and computing. A curve below that line gains from
size; one above it loses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

Curve = tuple[list[float], list[float], list[float]]
"""Places, measured milliseconds, milliseconds by arithmetic."""


def curve(cases: list[tuple[float, dict[str, Any]]], stage: str) -> Curve:
    """Measured and expected times of a stage."""
    first = cases[0][1]
    unit = first["stages"][stage]["median_ms"] / first["floor_ms"][stage]
    return (
        [place for place, _ in cases],
        [case["stages"][stage]["median_ms"] for _, case in cases],
        [unit * case["floor_ms"][stage] for _, case in cases],
    )


def curves(document: dict[str, Any]) -> tuple[Curve, Curve]:
    """Encoding by tokens, and one decoder step by sessions."""
    by_tokens: dict[float, dict[str, Any]] = {}
    by_sessions: dict[float, dict[str, Any]] = {}
    for case in document["cases"]:
        name = case["name"]
        if not name.startswith("encode "):
            continue
        if "sessions together" in name:
            by_sessions[float(name.split(",")[1].split()[0])] = case
        else:
            by_tokens[case["encoder_tokens"]] = case
            if case["encoder_tokens"] == 128:
                by_sessions[1.0] = case
    return (
        curve(sorted(by_tokens.items()), "encode"),
        curve(sorted(by_sessions.items()), "token"),
    )


def draw(document: dict[str, Any], target: Path) -> None:
    """Writes the picture."""
    encode, token = curves(document)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    title = f"{document['model']}, {document['weights']} weights, {document['threads']} threads"
    for axis, (places, measured, expected), name in zip(axes, (encode, token), ("encoder tokens", "sessions together")):
        axis.plot(places, measured, "o-", color="#1f5fa8", label="measured (median)")
        axis.plot(places, expected, "--", color="#888888", label="first point × arithmetic")
        axis.set_xlabel(name)
        axis.set_ylabel("milliseconds")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title(f"encode: {title}", fontsize=9)
    axes[1].set_title("one decoder step for all sessions, 128 encoder tokens each", fontsize=9)
    axes[0].legend(fontsize=8)
    figure.savefig(target, dpi=110)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: plot.py growth.json picture.png")
    document = json.loads(Path(sys.argv[1]).read_text())
    draw(document, Path(sys.argv[2]))
    for name, (places, measured, expected) in zip(("encoder tokens", "sessions"), curves(document)):
        print(f"| {name} | measured ms | arithmetic ms | measured / arithmetic |\n| ---: | ---: | ---: | ---: |")
        for place, mine, theirs in zip(places, measured, expected):
            print(f"| {place:.0f} | {mine:.1f} | {theirs:.1f} | {mine / theirs:.2f} |")
        print()


if __name__ == "__main__":
    main()
