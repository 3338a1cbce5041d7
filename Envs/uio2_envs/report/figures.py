"""Figures as SVG text that takes its colours from the page, so that they follow light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import matplotlib

matplotlib.use("svg")
# Names of runs come from outside; a dollar in one is a dollar.
matplotlib.rcParams["text.parse_math"] = False

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.ticker import LogLocator, NullFormatter  # noqa: E402

# Colours that no figure uses for anything else, replaced by the page's variables.
_INK, _LINE, _GOOD, _BAD = "#010203", "#040506", "#070809", "#0a0b0c"
_RUNS = ("#0d0e0f", "#101112", "#131415", "#161718", "#191a1b", "#1c1d1e")
_VARIABLES = {_INK: "--ink", _LINE: "--line", _GOOD: "--good", _BAD: "--bad"}
_VARIABLES |= {colour: f"--run-{place}" for place, colour in enumerate(_RUNS)}

RUN_COLOURS = len(_RUNS)
"""So many runs have colours of their own; the page has ``--run-0`` and so on."""


def _figure(width: float, height: float, columns: int = 1) -> tuple[plt.Figure, list[Axes]]:
    figure, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False)
    for axis in axes[0]:
        axis.set_facecolor("none")
        axis.tick_params(which="both", colors=_INK, labelsize=9)
        axis.grid(color=_LINE, linewidth=0.6)
        axis.set_axisbelow(True)
        for name, spine in axis.spines.items():
            spine.set_visible(name in ("left", "bottom"))
            spine.set_color(_LINE)
        for label in (axis.xaxis.label, axis.yaxis.label, axis.title):
            label.set_color(_INK)
    return figure, list(axes[0])


def _svg(figure: plt.Figure, title: str) -> str:
    buffer = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "uio2"}):
        figure.tight_layout()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # No addresses in the file: a reader of the page can see at a glance that it asks no one for anything.
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'width="100%"', text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title, quote=True)}" ', 1)


def histogram(values: Mapping[str, Sequence[float]], label: str) -> str:
    """Shares of values in bins, one outline a run, on a logarithmic axis.

    Args:
        values: run name to positive values.
        label: of the axis.
    """
    figure, (axis,) = _figure(7, 2.6)
    everything = np.concatenate([np.asarray(row, dtype=float) for row in values.values()])
    everything = everything[everything > 0]
    if everything.size:
        low, high = everything.min(), max(everything.max(), everything.min() * 1.1)
        bins = np.geomspace(low, high, 40)
        # Filled shapes of many runs would hide each other.
        shape = {"histtype": "stepfilled", "alpha": 0.55} if len(values) < 3 else {"histtype": "step", "linewidth": 1.4}
        for place, (name, row) in enumerate(values.items()):
            shares = np.full(len(row), 1 / max(1, len(row)))
            axis.hist(row, bins=bins, weights=shares, color=_RUNS[place % RUN_COLOURS], label=name, **shape)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        # Labels between powers of ten, unless they would run into each other.
        axis.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.xaxis.set_minor_formatter("{x:g}" if high / low < 1000 else NullFormatter())
    axis.set_xlabel(label)
    axis.set_ylabel("share of steps")
    if len(values) > 1:
        axis.legend(frameon=False, labelcolor=_INK)
    return _svg(figure, label)


def trajectories(episodes: Sequence[tuple[bool, np.ndarray]], axes: tuple[str, str, str]) -> str:
    """Ways of the end effector from above and from the side, successes and failures apart.

    Args:
        episodes: success, and positions ``[steps, 3]`` in metres.
        axes: names of the three coordinates.
    """
    figure, (above, side) = _figure(7, 3.2, columns=2)
    for axis, (first, second) in ((above, (0, 1)), (side, (1, 2))):
        for success, path in sorted(episodes, key=lambda episode: not episode[0]):
            colour, alpha = (_GOOD, 0.45) if success else (_BAD, 0.9)
            axis.plot(path[:, first], path[:, second], color=colour, alpha=alpha, linewidth=1)
            axis.plot(path[-1:, first], path[-1:, second], "o", color=colour, markersize=2.5)
        axis.set_xlabel(f"{axes[first]} (m)")
        axis.set_ylabel(f"{axes[second]} (m)")
        axis.set_aspect("equal", adjustable="datalim")
    return _svg(figure, "trajectories of the end effector")


@dataclass(frozen=True)
class RatePoint:
    """A success rate with its interval at some amount."""

    x: float
    rate: float
    low: float
    high: float


def rates(
    curves: Sequence[tuple[int, Sequence[RatePoint]]], label: str, title: str, *, wide: bool = False, mark: float | None = None
) -> str:
    """Success rates with intervals over an amount, a line a run.

    Args:
        curves: the place of a run, which gives the colour, and its points from left to right.
        label: of the amount.
        title: of the figure.
        wide: over the page's width instead of a part of it.
        mark: an amount at which something changes.
    """
    figure, (axis,) = _figure(*((7, 2.8) if wide else (3.6, 2.4)))
    amounts = sorted({point.x for _, points in curves for point in points})
    # Intervals at the same amount stand beside each other.
    shift = 0.012 * (amounts[-1] - amounts[0]) if amounts else 0
    for number, (place, points) in enumerate(curves):
        colour, aside = _RUNS[place % RUN_COLOURS], shift * (number - (len(curves) - 1) / 2)
        x = [point.x + aside for point in points]
        axis.vlines(x, [point.low for point in points], [point.high for point in points], color=colour, alpha=0.6)
        axis.plot(x, [point.rate for point in points], "o-", color=colour, markersize=4, linewidth=1.4)
    if mark is not None:
        axis.axvline(mark, color=_BAD, linewidth=1, linestyle="dashed")
    axis.set_xticks(amounts)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_ylim(-0.03, 1.03)
    axis.yaxis.set_major_formatter(lambda rate, _: f"{100 * rate:.0f} %")
    axis.set_xlabel(label)
    axis.set_title(title, fontsize=10, color=_INK)
    return _svg(figure, f"success: {title}")


def calibration(bins: Sequence[Mapping[str, float]]) -> str:
    """Success rate by mean confidence of an episode, with intervals.

    Args:
        bins: ``mean_score``, ``rate``, ``low``, ``high`` each.
    """
    figure, (axis,) = _figure(4.2, 3)
    axis.plot([0, 1], [0, 1], color=_LINE, linewidth=1)
    for entry in bins:
        axis.plot([entry["mean_score"]] * 2, [entry["low"], entry["high"]], color=_RUNS[0], linewidth=1.5)
        axis.plot([entry["mean_score"]], [entry["rate"]], "o", color=_RUNS[0], markersize=5)
    axis.set_xlim(0, 1)
    axis.set_ylim(-0.02, 1.02)
    axis.set_xlabel("mean confidence of the episode")
    axis.set_ylabel("success rate")
    return _svg(figure, "calibration of the confidence")


def confidence_over_time(curves: Mapping[str, np.ndarray]) -> str:
    """Median confidence over the course of an episode for successes and failures.

    Args:
        curves: ``"success"`` and ``"failure"`` to values ``[points]`` over the whole episode.
    """
    figure, (axis,) = _figure(4.2, 3)
    for name, colour in (("success", _GOOD), ("failure", _BAD)):
        if name in curves:
            axis.plot(np.linspace(0, 1, len(curves[name])), curves[name], color=colour, label=name)
    axis.set_xlabel("share of the episode")
    axis.set_ylabel("median confidence")
    axis.legend(frameon=False, labelcolor=_INK)
    return _svg(figure, "confidence during an episode")
