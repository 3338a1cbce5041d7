"""Figures of a run that are no episodes: primitives and pictures a second."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from . import page
from .run import Run


def measured(run: Run, entry: dict[str, Any]) -> str:
    """A section for what was measured beside the run's episodes; nothing where nothing was."""
    parts = []
    for when, origin, figures in run.figures():
        rows = [
            ([escape(one.name), escape(one.subject), f"{one.value:,.4g}" if one.value < 1000 else f"{one.value:,.0f}", escape(one.unit)], False)
            for one in figures
        ]
        table = page.table(["what", "of", "", "unit"], rows, numbers=[2])
        date = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
        parts += [table, page.facts({"machine": origin["machine"], "date": date, **origin["versions"]}), page.preformatted(origin["command"])]
    return page.section(f"Measured beside: {entry['name']}", *parts) if parts else ""
