"""Results: links followed, devices and pipes written through, files whole, and a place that is none refused at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from uio2_envs.output import Output, Unwritable


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.json"
    Output(file).write("one")
    file.chmod(0o640)
    before = file.open()
    output = Output(file)
    assert file.read_text() == "one", "looking changes nothing"
    output.write("two")
    output.write("three")
    assert file.read_text() == "three" and file.stat().st_mode & 0o777 == 0o640
    assert before.read() == "one", "whoever reads it reads on in what was there"
    before.close()
    assert [path.name for path in file.parent.iterdir()] == ["report.json"]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there/report.json")
    (tmp_path / "chain").symlink_to("link")
    Output(tmp_path / "chain").write("one")
    Output(tmp_path / "chain").write("two")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "report.json").read_text() == "two"


def test_pipes_are_written_through(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unwritable, match="a pipe that nobody reads"):
        Output(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    output = Output(tmp_path / "pipe")
    output.write("said")
    assert os.read(reader, 100) == b"said"
    output.close()
    assert os.read(reader, 100) == b"" and (tmp_path / "pipe").is_fifo()
    os.close(reader)


def test_devices_are_written_through_and_stay() -> None:
    Output("/dev/null").write("gone")
    with pytest.raises(Unwritable, match="/dev/full: cannot be written: No space left"):
        Output("/dev/full").write("too much")
    assert Path("/dev/full").is_char_device() and Path("/dev/null").is_char_device()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_what_this_user_may_not_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "mine").chmod(0o400)
    with pytest.raises(Unwritable, match="may not be written"):
        Output(tmp_path / "mine")
    tmp_path.chmod(0o500)
    with pytest.raises(Unwritable, match="Permission denied"):
        Output(tmp_path / "new")
    tmp_path.chmod(0o700)


def test_what_is_no_place_for_a_result_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "round").symlink_to("round")
    for path, words in (
        ("", "is not the name"), (str(tmp_path), "is a folder"), (f"{tmp_path}/new/", "is the name of a folder"),
        (f"{tmp_path}/file/below", "Not a directory"), (f"{tmp_path}/round", "cannot be written"), ("a\0b", "null"),
        (f"{tmp_path}/{'x' * 300}", "too long"), ("/proc/report.json", "cannot be"),
    ):  # fmt: skip
        with pytest.raises(Unwritable, match=words):
            Output(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "round"]


@pytest.mark.parametrize("append", [False, True])
def test_a_file_that_is_the_standard_output_keeps_what_was_printed(tmp_path: Path, append: bool) -> None:
    code = "from uio2_envs.output import Output; o = Output('/dev/stdout'); print('printed'); o.write('{}\\n'); print('after')"
    with (tmp_path / "all").open("ab" if append else "wb") as stream:
        subprocess.run([sys.executable, "-c", code], stdout=stream, check=True, timeout=60, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert (tmp_path / "all").read_text() == "printed\n{}\nafter\n"


@pytest.mark.parametrize(
    "command",
    [
        ["uio2_envs.latency", "toy", "--task", "reach-red", "--policy", "expert"],
        ["uio2_envs.disturbances"],
        ["uio2_tabletop", "measure"],
    ],
)
def test_commands_refuse_before_the_work(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command, "--json", str(tmp_path)], capture_output=True, text=True, check=False,
        timeout=60, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 2 and "is a folder" in done.stderr and not done.stdout


def test_a_result_that_could_not_be_written_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from uio2_envs.latency import main

    words = ["toy", "--task", "reach-red", "--policy", "expert", "--delays", "0", "--episodes", "1"]
    assert main([*words, "--json", "/dev/full"]) == 5
    assert "/dev/full: cannot be written: No space left on device" in capsys.readouterr().err
