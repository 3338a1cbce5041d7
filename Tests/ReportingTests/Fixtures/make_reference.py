"""Writes reference.json: values of scipy and robostats that the Swift statistics are held against.

    pip install scipy==1.17.1 robostats==0.2.0
    python make_reference.py
"""

import json
from pathlib import Path
from types import SimpleNamespace

import robostats
from scipy import stats

proportions = [(0, 1), (1, 1), (0, 20), (1, 20), (10, 20), (18, 20), (20, 20), (98, 100), (493, 500), (0, 1000), (870, 1000)]
pairs = [(0, 0, 0, 5), (5, 0, 0, 0), (90, 3, 5, 2), (80, 0, 9, 11), (10, 12, 1, 7), (0, 20, 0, 0), (400, 31, 52, 17), (7, 1, 1, 1)]


def tango(both: int, only_first: int, only_second: int, neither: int) -> list[float]:
    """The interval of the second policy's rate minus the first's."""
    table = SimpleNamespace(
        n_both_success=both,
        n_both_failure=neither,
        n_pairs=both + only_first + only_second + neither,
        n_a_success_b_failure=only_second,
        n_b_success_a_failure=only_first,
    )
    interval = robostats.paired_difference(table)
    return [interval.lower, interval.upper]


reference = {
    "proportions": [
        {
            "successes": k,
            "trials": n,
            "clopper_pearson": [robostats.clopper_pearson(k, n).lower, robostats.clopper_pearson(k, n).upper],
        }
        for k, n in proportions
    ],
    "pairs": [
        {
            "counts": list(counts),
            "mcnemar": stats.binomtest(min(counts[1], counts[2]), counts[1] + counts[2]).pvalue
            if counts[1] + counts[2]
            else 1.0,
            "tango": tango(*counts),
        }
        for counts in pairs
    ],
    "normal": [[p, stats.norm.ppf(p)] for p in (1e-300, 1e-12, 0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999999)],
}
Path(__file__).with_name("reference.json").write_text(json.dumps(reference, indent=1) + "\n")
