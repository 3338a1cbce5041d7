"""The page around the figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .figures import RUN_COLOURS

_STYLE = """
:root { --paper: #fff; --ink: #1c2126; --faint: #5c6670; --line: #d8dde2; --good: #1d7f4e; --bad: #c0392b;
  --run-0: #2563a8; --run-1: #b3651b; --run-2: #6b4aa0; --run-3: #0f7a7a; --run-4: #a63a78; --run-5: #66701b;
  --band: #eef2f6; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #e4e8ec; --faint: #98a2ac; --line: #343c44;
  --good: #56c48a; --bad: #ef7d70; --run-0: #71aef0; --run-1: #eca361; --run-2: #b79bea; --run-3: #54c5c5; --run-4: #ec8cc0;
  --run-5: #b9c559; --band: #1e242a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0.5rem 0 0; } h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
p { margin: 0.4rem 0; } .faint { color: var(--faint); font-size: 0.875rem; }
.headline { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1rem 0; }
.headline div { background: var(--band); border-radius: 8px; padding: 0.75rem 1rem; flex: 1 1 11rem; }
.headline b { display: block; font-size: 1.6rem; line-height: 1.2; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.total td { font-weight: 600; } td:first-child { white-space: nowrap; }
small { color: var(--faint); font-variant-numeric: tabular-nums; white-space: nowrap; font-weight: 400; }
.bar { position: relative; height: 0.9rem; min-width: 9rem; background: var(--band); border-radius: 3px; }
.bar i { position: absolute; top: 0.3rem; height: 0.3rem; border-radius: 2px; background: currentColor; opacity: 0.55; }
.bar b { position: absolute; top: 0.1rem; height: 0.7rem; width: 3px; margin-left: -1.5px; background: currentColor; }
.swatch { display: inline-block; width: 0.75rem; height: 0.75rem; border-radius: 2px; background: currentColor; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; padding: 0; font-size: 0.9rem; }
details summary { cursor: pointer; color: var(--faint); }
figure { margin: 0.5rem 0; } .wide svg { min-width: 30rem; } figcaption { font-size: 0.85rem; color: var(--faint); }
.strips img { width: 100%; height: auto; border-radius: 4px; display: block; }
.good { color: var(--good); } .bad { color: var(--bad); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 0.5rem 1rem; }
.small { grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
pre { background: var(--band); padding: 0.75rem; border-radius: 6px; overflow-x: auto; font-size: 0.8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def document(title: str, sections: Iterable[str]) -> str:
    """A whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A titled part of the page; nothing when its parts are empty."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def paragraph(text: str, faint: bool = False) -> str:
    return f'<p{" class=faint" if faint else ""}>{escape(text)}</p>'


def headline(cards: Sequence[tuple[str, str]]) -> str:
    """Large figures with a line below each."""
    return '<div class="headline">' + "".join(
        f"<div><b>{escape(figure)}</b>{escape(label)}</div>" for figure, label in cards
    ) + "</div>"


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def colour(place: int) -> str:
    """The colour of a run by its place."""
    return f"var(--run-{place % RUN_COLOURS})"


def legend(names: Sequence[str]) -> str:
    """Runs by their colours; nothing where there is but one."""
    if len(names) < 2:
        return ""
    entries = (
        f'<li><span class="swatch" style="color:{colour(place)}"></span> {escape(name)}</li>'
        for place, name in enumerate(names)
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def interval_bar(rate: float | None, low: float, high: float, place: int = 0) -> str:
    """A rate as a mark inside its interval, on a scale from 0 to 100 %, in the colour of a run."""
    mark = "" if rate is None else f'<b style="left:{100 * rate:.2f}%"></b>'
    return (
        f'<div class="bar" style="color:{colour(place)}">'
        f'<i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>{mark}</div>'
        f"<small>{100 * low:.1f} to {percent(high)}</small>"
    )


def table(header: Sequence[str], rows: Iterable[tuple[Sequence[str], bool]], numbers: Iterable[int] = ()) -> str:
    """A table; cells are HTML.

    Args:
        header: plain text.
        rows: cells, and whether the row is a total. An empty cell after the first of a total belongs to the first.
        numbers: columns that are aligned to the right.
    """
    right = set(numbers)

    def cells(row: Sequence[str], tag: str, joined: int = 1) -> str:
        return "".join(
            f'<{tag}{f" colspan={joined}" if column == 0 and joined > 1 else ""}{" class=number" if column in right else ""}>'
            f"{cell}</{tag}>"
            for column, cell in enumerate(row)
            if not 0 < column < joined
        )

    def joined(row: Sequence[str], total: bool) -> int:
        return next((column for column, cell in enumerate(row) if column and cell), 1) if total else 1

    head = f"<tr>{cells([escape(text) for text in header], 'th')}</tr>"
    body = "\n".join(f'<tr{" class=total" if total else ""}>{cells(row, "td", joined(row, total))}</tr>' for row, total in rows)
    return f'<div class="scroll"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def folded(title: str, content: str) -> str:
    """Content that a reader opens."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def figure(content: str, caption: str, wide: bool = False) -> str:
    """A figure with its caption; nothing without content.

    Args:
        wide: made for the whole width of a page: on a phone it scrolls.
    """
    if not content:
        return ""
    body = f'<div class="scroll wide">{content}</div>' if wide else content
    return f"<figure>{body}<figcaption>{escape(caption)}</figcaption></figure>"


def strip(address: str, caption: str, success: bool) -> str:
    kind, word = ("good", "success") if success else ("bad", "failure")
    return (
        f'<figure class="strips"><img src="{escape(address, quote=True)}" alt="{escape(caption, quote=True)}">'
        f'<figcaption><span class="{kind}">{word}</span> {escape(caption)}</figcaption></figure>'
    )


def pair(*parts: str, small: bool = False) -> str:
    """Parts beside each other where there is room, and below each other where there is not.

    Args:
        small: three or four in a row instead of two.
    """
    kind = "pair small" if small else "pair"
    return f'<div class="{kind}">' + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def facts(values: Mapping[str, Any]) -> str:
    rows = [([escape(str(name)), escape(str(value))], False) for name, value in values.items() if value not in (None, "")]
    return table(["", ""], rows) if rows else ""


def preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
