"""Turns of contestants to medians, ratios and a Markdown table. Standard library only."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from cases import CASES, GRAMMAR

Figures = dict[str, float]
"""``encode_ms`` (all before the first token), ``token_ms``, ``total_ms``; some may be missing."""
FIGURES = ("encode_ms", "token_ms", "total_ms")
ABSENT = "–"
ROWS = (CASES[0], GRAMMAR, *CASES[1:])
"""The cases of the table; all but ``GRAMMAR`` are measured by every contestant that has them."""


@dataclass
class Result:
    """What a contestant gave in each round, in the order of the rounds."""

    name: str
    title: str
    weights: str
    turns: list[dict[str, Figures]] = field(default_factory=list)
    """By case."""
    peak_mib: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    ceilings: dict[str, float] = field(default_factory=dict)

    def values(self, case: str, figure: str) -> list[float | None]:
        """A figure in each round."""
        if case == GRAMMAR.key and not self.name.startswith("uio2-"):
            case = CASES[0].key
        return [turn.get(case, {}).get(figure) for turn in self.turns]

    def median(self, case: str, figure: str) -> float | None:
        """A figure's median over the rounds that have it."""
        found = [value for value in self.values(case, figure) if value is not None]
        return statistics.median(found) if found else None


@dataclass(frozen=True)
class Ratio:
    """How many times the reference's time a contestant took: median and extremes over rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_digits(self.median)}×"

    @property
    def spread(self) -> str:
        """With the extremes, where they differ visibly."""
        low, high = _digits(self.low), _digits(self.high)
        return str(self) if low == high else f"{self} ({low}–{high})"


def ratio(result: Result, reference: Result, case: str, figure: str) -> Ratio | None:
    """The ratio of each round's pair, then their median: what slows a whole round down falls out."""
    pairs = zip(result.values(case, figure), reference.values(case, figure), strict=True)
    ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def choose_reference(results: list[Result], wanted: str | None) -> Result:
    """The contestant of that name; else the first that uio2 ran; else the first with most cases."""
    if wanted is not None:
        for result in results:
            if result.name == wanted:
                return result
        raise ValueError(f"{wanted} gave no result; there are {', '.join(result.name for result in results)}")
    most = max(results, key=lambda result: len(result.turns[0]))
    return next((result for result in results if result.name.startswith("uio2-")), most)


def same_weights(result: Result, results: list[Result]) -> Result | None:
    """uio2 with the weights of ``result``: the comparison like with like."""
    return next((other for other in results if other.name == f"uio2-{result.weights}"), None)


def table(results: list[Result], reference: Result) -> str:
    """The Markdown table: a row for each case and contestant, ratios by ``reference``'s time."""
    head = [
        "case", "contestant", "before the first token", "a token", "whole",
        "first token, ÷ reference", "a token, ÷ reference", "whole, ÷ reference", "whole, ÷ uio2 with these weights",
        "peak memory",
    ]  # fmt: skip
    lines = [_row(head), _row(["---", "---", *["---:"] * (len(head) - 2)])]
    for case in ROWS:
        for result in results:
            if result.median(case.key, "total_ms") is None and result.median(case.key, "encode_ms") is None:
                continue
            name = f"**{result.title}**" if result is reference else result.title
            cells = [case.title, name]
            cells += [_milliseconds(result.median(case.key, figure)) for figure in FIGURES]
            ratios = [ratio(result, reference, case.key, figure) for figure in FIGURES]
            cells += [_text(ratios[0]), _text(ratios[1]), ABSENT if ratios[2] is None else ratios[2].spread]
            like = same_weights(result, results)
            cells.append(_text(None if like is None else ratio(result, like, case.key, "total_ms")))
            cells.append(ABSENT if result.peak_mib is None else f"{result.peak_mib:,.0f} MiB")
            lines.append(_row(cells))
    return "\n".join(lines)


def as_json(results: list[Result], reference: Result, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured, round by round, and the ratios."""
    return {
        **facts,
        "reference": reference.name,
        "contestants": [
            {
                "name": result.name, "title": result.title, "weights": result.weights, "versions": result.versions,
                "peak_mib": result.peak_mib, "ceilings": result.ceilings, "turns": result.turns,
                "medians": {
                    case.key: {figure: result.median(case.key, figure) for figure in FIGURES}
                    for case in ROWS if result.median(case.key, "total_ms") is not None
                },
                "ratios": {case.key: _ratios(result, reference, case.key) for case in ROWS},
            }
            for result in results
        ],
    }  # fmt: skip


def from_json(document: dict[str, Any]) -> tuple[list[Result], Result]:
    """The results and the reference of a recorded run."""
    names = ("name", "title", "weights", "turns", "peak_mib", "versions", "ceilings")
    results = [Result(**{name: entry[name] for name in names}) for entry in document["contestants"]]
    return results, choose_reference(results, document["reference"])


def _ratios(result: Result, reference: Result, case: str) -> dict[str, list[float]]:
    found = {figure: ratio(result, reference, case, figure) for figure in FIGURES}
    return {figure: [value.median, value.low, value.high] for figure, value in found.items() if value is not None}


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value / 1e3:.2f} s" if value >= 1e3 else f"{_digits(value)} ms"


def _text(value: Ratio | None) -> str:
    return ABSENT if value is None else str(value)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
