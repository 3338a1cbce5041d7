"""Episodes by a daemon with keys: the command's own robot and one that is started by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ENVS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ENVS / "tests"))

from test_keys import Daemon, environment, uio2  # noqa: E402


def test_simulated_robots_fly_with_a_key(tmp_path: Path) -> None:
    keys, report = tmp_path / "keys", tmp_path / "report.json"
    assert uio2("keys", "new", "arm", "--directory", str(keys)).returncode == 0
    daemon = Daemon("--policy", "Policies/metaworld-mt5", "--keys", str(keys))
    try:
        flight = ["rollout", "--env", "metaworld:drawer-close-v3", "--episodes", "1", "--daemon", daemon.address]
        done = uio2(*flight, "--key", str(keys / "arm.key_secret"), "--json", str(report))
        assert done.returncode == 0, done.stderr
        assert json.loads(report.read_text())["summary"]["success_rate"] == 1
        assert uio2(*flight).returncode != 0
        robot = [sys.executable, "-m", "uio2_envs", "metaworld", "--task", "drawer-close-v3", "--clock", "simulated"]
        robot += ["--connect", daemon.address, "--key", str(keys / "arm.key_secret"), "--events"]
        done = subprocess.run(robot, env=environment(), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert '"success": true' in done.stdout or '"success":true' in done.stdout
    finally:
        daemon.end()
