"""The converted peers do what they are timed for: they run the model's shape, and ONNX the very model."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from cases import CASES, TINY  # noqa: E402
from unified_io import random_model  # noqa: E402


def test_onnx_int8_stays_near_the_model(tmp_path: Path) -> None:
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    import numpy as np

    import peer_onnx

    for part in peer_onnx.PARTS:
        peer_onnx.make_part(part, TINY, tmp_path)
    runtime = peer_onnx.Runtime(tmp_path, TINY, threads=1)
    case = CASES[0]
    encode, decode = runtime.stages(case)
    decode(encode(), case.new_tokens)

    model = random_model(TINY)
    length, half = 50, TINY.width // TINY.heads // 2
    embedded, bias = torch.randn(1, length, TINY.width), torch.zeros(1, 1, 1, length)
    rotary = tuple(table[:length] for table in model.text_rotary)
    expected = model.project_cross(model.encode(embedded, rotary, bias), rotary)
    feed = {"embedded": embedded, "cosine": rotary[0], "sine": rotary[1], "bias": bias}
    found = runtime.encoder.run(None, {name: value.numpy() for name, value in feed.items()})
    assert rotary[0].shape == (length, half)
    for ours, theirs in zip(found, [x for pair in expected for x in pair], strict=True):
        assert np.corrcoef(ours.ravel(), theirs.numpy().ravel())[0, 1] > 0.995


def test_onnx_angles_are_the_models() -> None:
    pytest.importorskip("onnxruntime")
    import peer_onnx

    for ours, theirs in zip(peer_onnx.rotary_rows(TINY, 64, True), random_model(TINY).rotary(64, True), strict=True):
        assert torch.allclose(torch.from_numpy(ours), theirs, atol=1e-5)


def test_ctranslate2_generates_as_many_tokens_as_asked(tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    import peer_ctranslate2

    peer_ctranslate2.make_model(TINY, tmp_path / "model")
    figures = peer_ctranslate2.run_case(tmp_path / "model", peer_ctranslate2.CASE, threads=1, repeats=1)
    assert figures["total_ms"] > 0
