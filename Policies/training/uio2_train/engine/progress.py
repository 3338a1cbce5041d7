"""What a run says of itself: lines with the time that remains, a table of losses, TensorBoard, a picture of curves."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import Any

EVERY = 10
"""Steps that one row averages over."""


def duration(seconds: float) -> str:
    """``2 h 05 min``, ``3 min 20 s``, ``8 s``."""
    seconds = max(0, round(seconds))
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"


class Progress:
    """Collects losses and reports them.

    Args:
        folder: of the run: ``losses.csv``, ``losses.png`` and ``tensorboard/`` lie there.
        first: the step that the run goes on from; later rows of the table are dropped.
        tensorboard: whether to write for it; it is left out where TensorBoard is not installed.
    """

    def __init__(self, folder: Path, first: int, tensorboard: bool = True) -> None:
        self._file = folder / "losses.csv"
        self.rows: list[dict[str, float]] = []
        if self._file.is_file():
            with open(self._file, newline="") as file:
                rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= first]
        self._sums: dict[str, float] = {}
        self._count = 0
        self._writer: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter

                self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first)
            except ImportError:
                pass
        self._picture = folder / "losses.png"
        self._began, self._samples = time.monotonic(), 0

    def add(self, step: int, losses: dict[str, float], samples: int, share: float, elapsed: float) -> str | None:
        """Takes a step's losses in; every tenth step gives a line.

        Args:
            step: steps done.
            losses: of this step.
            samples: in this step, over all processes.
            share: of the whole training that is done.
            elapsed: seconds trained, over all starts.
        """
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        self._samples += samples
        if self._count < EVERY:
            return None
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        speed = self._samples / max(time.monotonic() - self._began, 1e-9)
        self.rows.append({"step": step, "elapsed": elapsed, "samples_per_second": speed, **means})
        if self._writer is not None:
            for name, value in means.items():
                self._writer.add_scalar(f"loss/{name}", value, step)
            self._writer.add_scalar("speed/samples_per_second", speed, step)
        told = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        remains = duration(elapsed * (1 - share) / share) if share > 0 else "?"
        return f"step {step}  {100 * share:.0f} %  {told}  {speed:.1f} samples/s  {remains} left"

    def note(self, step: int, name: str, value: float) -> None:
        """Adds a figure of validation to the last row."""
        if self.rows:
            self.rows[-1][name] = value
        if self._writer is not None:
            self._writer.add_scalar(f"validation/{name}", value, step)

    def write(self) -> None:
        """Writes table and picture; a reader sees the old ones or the new ones."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        partial = self._file.with_suffix(".partial")
        with open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in self.rows)
        os.replace(partial, self._file)
        if self._writer is not None:
            self._writer.flush()
        if self.rows:
            self._draw([name for name in names if name not in ("step", "elapsed", "samples_per_second")])

    def _draw(self, names: list[str]) -> None:
        try:
            import matplotlib

            matplotlib.use("Agg")
            from matplotlib import pyplot
        except ImportError:
            return
        figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        for name in names:
            points = [(row["step"], row[name]) for row in self.rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 20 else None)
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
        axes.legend()
        partial = self._picture.with_suffix(".partial.png")
        figure.savefig(partial, dpi=110)
        pyplot.close(figure)
        os.replace(partial, self._picture)

    def close(self) -> None:
        """Writes what is left and lets TensorBoard's file go."""
        self.write()
        if self._writer is not None:
            self._writer.close()
