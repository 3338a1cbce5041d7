"""``python -m uio2_robots.plot FILE.csv FILE.png``: where an arm was told to go and where it was, with its chunks."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from .configuration import AXES


def plot(trajectory: Path, picture: Path) -> None:
    """Draws a file of ``trajectory.Trajectory``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with trajectory.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        raise ValueError(f"{trajectory} has no control steps")
    time = np.array([float(row["time"]) for row in rows])
    time -= time[0]
    held = np.array([row["held"] == "1" for row in rows])
    chunks = time[1:][np.diff([int(row["policy_steps"]) for row in rows]) > 0]
    figure, panes = pyplot.subplots(4, 1, sharex=True, figsize=(10, 9), constrained_layout=True)
    reached = np.array([[float(row[f"measured_{axis}"]) for axis in AXES] for row in rows])
    told = np.array([[float(row[f"setpoint_{axis}"]) for axis in AXES] for row in rows])
    for index, axis in enumerate(AXES):
        panes[index].plot(time, np.where(held, np.nan, told[:, index]), color="tab:orange", label="told")
        panes[index].plot(time, reached[:, index], color="tab:blue", label="reached")
        panes[index].set_ylabel(f"{axis}, m")
    # Two control steps may see the same measurement.
    fresh = np.flatnonzero(np.diff(time, prepend=-1.0) > 1e-4)
    way = np.linalg.norm(np.diff(reached[fresh], axis=0), axis=1)
    panes[3].plot(time[fresh][1:], way / np.diff(time[fresh]), color="tab:blue")
    panes[3].set_ylabel("speed, m/s")
    panes[3].set_xlabel("s of the arm's clock; grey: a chunk ends; shaded: held")
    for pane in panes:
        for moment in chunks:
            pane.axvline(moment, color="0.85", linewidth=0.5, zorder=0)
        pane.fill_between(time, 0, 1, where=held, transform=pane.get_xaxis_transform(), color="tab:red", alpha=0.12)
    panes[0].legend(loc="best")
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    plot(Path(sys.argv[1]), Path(sys.argv[2]))
