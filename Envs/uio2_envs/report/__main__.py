"""``python -m uio2_envs.report SUMMARY.json OUT.html``: the report of one run, or of several beside each other.

``uio2 report`` computes the statistics and starts this. SUMMARY.json names the runs' databases and carries every rate, interval and
test; nothing is estimated here.
"""

from __future__ import annotations

import argparse
import json
import os
from html import escape
from pathlib import Path
from typing import Any

from . import curves, measured, page, sections
from .run import Run


def build(summary: dict[str, Any]) -> str:
    """The page.

    Args:
        summary: as ``uio2 report`` writes it.
    """
    entries = summary["runs"]
    runs = [Run(Path(entry["database"])) for entry in entries]
    episodes = [run.episodes() for run in runs]
    together = list(zip(runs, episodes, entries, strict=True))
    return page.document(
        summary["title"],
        [
            f"<h1>{escape(summary['title'])}</h1>",
            *[sections.headline(*one) for one in together],
            sections.comparison(summary.get("comparison"), summary.get("comparison_note")),
            sections.tasks(entries),
            curves.severity(entries),
            curves.delay(runs, entries),
            *[sections.strips(*one) for one in together],
            *[sections.endings(found, entry) for found, entry in zip(episodes, entries, strict=True)],
            sections.latency(runs, episodes, entries),
            *[sections.trajectories(*one) for one in together],
            *[sections.confidence(*one) for one in together],
            *[measured.measured(run, entry) for run, entry in zip(runs, entries, strict=True)],
            *[sections.origin(run, entry) for run, entry in zip(runs, entries, strict=True)],
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="uio2_envs.report", description="The HTML report of evaluation runs.")
    parser.add_argument("summary", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    text = build(json.loads(options.summary.read_text()))
    draft = options.output.with_name(options.output.name + ".part")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, options.output)


if __name__ == "__main__":
    main()
