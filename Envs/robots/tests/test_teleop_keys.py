"""``teleop`` beside a daemon with keys: let in with one, and told what is missing without."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from test_keys import REPOSITORY, UIO2, Daemon

from uio2_robots.teleop import command

pytestmark = pytest.mark.skipif(not UIO2.exists(), reason="swift build -c release --product uio2 has not run")


def test_teleop_takes_the_key_of_its_robot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys"
    subprocess.run([UIO2, "keys", "new", "arm", "--directory", keys], check=True, timeout=60, capture_output=True)
    daemon = Daemon("--policy", str(REPOSITORY / "Policies/metaworld-mt5"), "--keys", str(keys))
    try:
        words = ["toy:reach-red", "--input", "terminal", "--connect", daemon.address, "--connect-timeout", "20"]
        assert command.main(words, lambda: "") == 4
        assert "asks for a key (--key FILE)" in capsys.readouterr().err
        # Let in: what the toy has and this policy wants differ, and nothing moves.
        secret = next(keys.glob("arm.key_secret"))
        assert command.main([*words, "--key", str(secret)], lambda: "") == 3
        assert "disagrees with the policy" in capsys.readouterr().err
    finally:
        daemon.end()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--key", "nowhere"], "are for the daemon of --connect"),
        (["--connect", "tcp://127.0.0.1:9", "--key", "nowhere"], "--key: invalid_key: nowhere: cannot be read"),
        (["--connect", "tcp://127.0.0.1:9", "--server-key", "nowhere"], "--server-key goes with --key"),
    ],
)
def test_a_key_that_cannot_be_used_ends_the_command(
    words: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["toy:reach-red", "--input", "terminal", *words], lambda: "")
    assert caught.value.code == 2 and found in capsys.readouterr().err
