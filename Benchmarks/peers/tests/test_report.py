"""Ratios and the table, and what uio2's own figures become. Standard library and pytest only.

The two JSON files beside this one have the recorded form with invented round numbers; nobody measured them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cases import CASES, GRAMMAR, patch_mask
from peer_uio2 import convert, convert_case
from report import Result, as_json, choose_reference, from_json, ratio, table
from timing import best

HERE = Path(__file__).resolve().parent


@pytest.fixture
def example() -> dict[str, Any]:
    return json.loads((HERE / "example-run.json").read_text())


@pytest.fixture
def bench() -> dict[str, Any]:
    return json.loads((HERE / "uio2-bench.json").read_text())


def result(name: str, *tokens: float | None, weights: str = "f32") -> Result:
    turns = [{"square": {} if token is None else {"token_ms": token, "total_ms": 10 * token}} for token in tokens]
    return Result(name, name, weights, turns)


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # The second round was slow for both: the ratio of the medians would be another number.
    mine, reference = result("a", 20, 90, 30), result("b", 10, 30, 10)
    found = ratio(mine, reference, "square", "token_ms")
    assert found is not None
    assert (found.median, found.low, found.high) == (3, 2, 3)


def test_ratio_passes_over_rounds_without_a_figure() -> None:
    found = ratio(result("a", 20, None), result("b", 10, 10), "square", "token_ms")
    assert found is not None and found.median == 2
    assert ratio(result("a", None), result("b", 10), "square", "token_ms") is None
    assert ratio(result("a", 20), result("b", 10), "text-640", "token_ms") is None


def test_reference_is_uio2_if_it_ran() -> None:
    others = [result("torch-f32", 1), result("ctranslate2-int8", 1)]
    assert choose_reference(others, None).name == "torch-f32"
    assert choose_reference([*others, result("uio2-int8", 1)], None).name == "uio2-int8"
    assert choose_reference(others, "ctranslate2-int8").name == "ctranslate2-int8"
    with pytest.raises(ValueError, match="gave no result"):
        choose_reference(others, "uio2-int8")


def test_table_of_a_run(example: dict[str, Any]) -> None:
    lines = table(*from_json(example)).splitlines()
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    # CTranslate2 has the text case alone.
    # It and the grammar's case, for those without a grammar.
    assert len(rows) == 3 * 3 + 1 + 1
    assert sum(row[0].startswith("the same") for row in rows) == 1
    square = {row[1]: row for row in rows if row[0].startswith("384×384")}
    assert square["**uio2 int8**"][5:8] == ["1.00×", "1.00×", "1.00×"]
    # 2,900 against 700 ms, a token 85 against 14, whole 5,000 against 1,000 and then 5,100 against 1,100.
    assert square["PyTorch f32, caches"][2:8] == ["2.90 s", "85.0 ms", "5.05 s", "4.14×", "6.07×", "4.82× (4.64–5.00)"]
    assert square["PyTorch f32, caches"][8] == "1.68×"
    assert square["PyTorch f32, caches"][9] == "3,500 MiB"
    assert next(row for row in rows if row[1] == "CTranslate2 int8")[0].startswith("640 text")


def test_json_can_be_read_back(example: dict[str, Any]) -> None:
    results, reference = from_json(example)
    again = as_json(results, reference, {"size": "large"})
    assert json.loads(json.dumps(again))["reference"] == "uio2-int8"
    assert table(*from_json(again)) == table(results, reference)
    torch = next(entry for entry in again["contestants"] if entry["name"] == "torch-f32")
    assert torch["ratios"]["square"]["total_ms"] == pytest.approx([4.818, 4.636, 5.0], abs=1e-3)
    assert torch["medians"]["square"]["encode_ms"] == 2900


def test_uio2_bench_becomes_a_turn(bench: dict[str, Any]) -> None:
    turn = convert(bench)
    assert turn["ceilings"]["read_gbps"] == 28
    assert set(turn["cases"]) == {case.key for case in (*CASES, GRAMMAR)}
    robot = turn["cases"]["pick-and-place"]
    assert robot["encode_ms"] == pytest.approx(60 + 300 + 40)
    assert robot["token_ms"] == 13
    assert robot["total_ms"] == 725, "whole, decoding and preprocessing included"
    assert turn["cases"][GRAMMAR.key]["total_ms"] == 500
    text = turn["cases"]["text-640"]
    assert text["total_ms"] == pytest.approx(650 + 24 * 14)


def test_uio2_cases_may_be_missing() -> None:
    assert convert({"cases": []})["cases"] == {}
    entry = {"name": "encode 640 tokens", "stages": {"encode": {"median_ms": 650.0, "p99_ms": 700.0}, "token": None}}
    assert convert_case(CASES[2], [entry]) == {"encode_ms": 650.0}
    assert convert_case(CASES[0], [entry]) == {}


def test_best_takes_the_smallest_of_each_figure() -> None:
    slow, quick = {"encode_ms": 2400.0, "token_ms": 50.0}, {"encode_ms": 1080.0, "token_ms": 70.0}
    assert best([slow, quick]) == {"encode_ms": 1080.0, "token_ms": 50.0}


def test_patches_that_show_the_picture() -> None:
    assert sum(patch_mask((384, 384))) == 576
    wide = patch_mask((256, 128))
    assert sum(wide) == 24 * 12
    assert not any(wide[: 6 * 24]) and all(wide[6 * 24 : 18 * 24]) and not any(wide[18 * 24 :])
    assert sum(patch_mask((128, 256))) == 24 * 12
