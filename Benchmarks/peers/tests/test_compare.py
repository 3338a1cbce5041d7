"""How the runner treats its processes. Standard library and pytest only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import compare
from compare import CONTESTANTS, TurnFailed, busy_seconds, run_process


def python(code: str, limit: float = 30) -> tuple[str, float, float]:
    return run_process([sys.executable, "-c", code], dict(os.environ), limit)


def test_output_and_peak_memory_of_a_process() -> None:
    output, peak, _ = python("x = bytearray(200 << 20); print('some'); print('figures')")
    assert output.splitlines()[-1] == "figures"
    assert 200 < peak < 400


def test_peak_memory_counts_a_child_of_the_process() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(200 << 20)'], check=True)"
    assert python(code)[1] > 200


def test_a_failure_says_the_last_line_of_its_errors() -> None:
    with pytest.raises(TurnFailed, match="^it broke$"):
        python("import sys; print('noise', file=sys.stderr); sys.exit('it broke')")
    with pytest.raises(TurnFailed, match="ended with code 7"):
        python("import sys; sys.exit(7)")


def test_a_turn_without_end_is_ended() -> None:
    with pytest.raises(TurnFailed, match="ended with code -9"):
        python("import time; time.sleep(60)", limit=0.5)


def test_much_output_does_not_block() -> None:
    output, _, _ = python("import sys; sys.stderr.write('e' * 10**6); print('o' * 10**6)")
    assert len(output) == 10**6 + 1


def test_names_are_unique_and_weights_known() -> None:
    assert len({contestant.name for contestant in CONTESTANTS}) == len(CONTESTANTS)
    assert {contestant.weights for contestant in CONTESTANTS} == {"f32", "bf16", "int8"}


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="no /proc/stat")
def test_busy_seconds_grow() -> None:
    before = busy_seconds()
    sum(range(10**7))
    assert busy_seconds() >= before


FAKE_UIO2 = """#!{python}
import shutil, sys
if "--help" not in sys.argv:
    shutil.copy({figures!r}, sys.argv[sys.argv.index("--json") + 1])
    print("a table of its own")
"""


def test_a_run_with_a_binary_that_has_bench(tmp_path: Path) -> None:
    binary = tmp_path / "uio2"
    figures = Path(__file__).resolve().parent / "uio2-bench.json"
    binary.write_text(FAKE_UIO2.format(python=sys.executable, figures=str(figures)))
    binary.chmod(0o755)
    output = tmp_path / "new" / "peers.json"
    run = subprocess.run(
        [sys.executable, compare.__file__, "--size", "tiny", "--rounds", "2", "--only", "uio2,nothing-such",
         "--uio2", binary, "--cache", tmp_path / "cache", "--json", output],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = run.stdout.splitlines()
    assert len([row for row in rows if row.startswith("| 256×128")]) == 3, "int8, bf16, f32"
    assert "1.00×" in run.stdout and "a table of its own" not in run.stdout
    document = json.loads(output.read_text())
    assert document["reference"] == "uio2-int8"
    assert [len(entry["turns"]) for entry in document["contestants"]] == [2, 2, 2]
    assert document["contestants"][0]["ceilings"]["read_gbps"] == 28


def test_a_run_without_any_contestant_says_so(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, compare.__file__, "--only", "uio2", "--uio2", tmp_path / "none", "--cache", tmp_path],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert "not measured: uio2-int8: none is not built" in run.stderr
    assert run.stderr.endswith("nothing was measured\n")
