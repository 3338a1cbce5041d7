"""Contestant: ONNX Runtime int8, the model of ``unified_io.py`` exported and quantised as ONNX Runtime's guide says.

    python peer_onnx.py --size large --model DIR       # makes DIR first, if it is not there

Three graphs: ``vision`` (patches to embeddings), ``encoder`` (embeddings to the cross-attention's keys and values of
every decoder layer) and ``decoder`` (one token with its caches). Token embeddings are looked up outside of the graphs,
so that the decoder's file holds the tied matrix once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from cases import CASES, GRID, PATCH, PATCHES, SIZES, Case, Size, patch_mask
from timing import best, measure, print_turn, turn_arguments

OPSET = 23
PARTS = ("vision", "encoder", "decoder")


def _names(prefix: str, layers: int) -> list[str]:
    return [f"{prefix}_{kind}_{layer}" for layer in range(layers) for kind in ("key", "value")]


def _export(part: str, size: Size, destination: Path) -> None:
    """Writes one f32 graph. torch is imported here alone: a process that only measures has no use for its memory."""
    import torch
    from torch import Tensor, nn

    from unified_io import PeerModel, random_model

    # Attention and norms as plain operators: ONNX Runtime is a little faster with them than with opset 23's own.
    model = random_model(size, official=True)
    heads, head_dimension, width = size.heads, size.width // size.heads, size.width
    length = 640
    half = head_dimension // 2
    rotary = torch.randn(length, half), torch.randn(length, half)
    past = torch.randn(1, heads, 3, head_dimension)
    cross = torch.randn(1, heads, length, head_dimension)

    class Vision(nn.Module):
        def __init__(self, model: PeerModel) -> None:
            super().__init__()
            self.model = model

        def forward(self, patches: Tensor, bias: Tensor) -> Tensor:
            return self.model.embed_image(patches, bias)

    class Encoder(Vision):
        def forward(self, embedded: Tensor, cosine: Tensor, sine: Tensor, bias: Tensor) -> list[Tensor]:
            states = self.model.encode(embedded, (cosine, sine), bias)
            return [x for pair in self.model.project_cross(states, (cosine, sine)) for x in pair]

    class Decoder(Vision):
        def forward(
            self, embedded: Tensor, cosine: Tensor, sine: Tensor, bias: Tensor, past: list[Tensor], cross: list[Tensor]
        ) -> list[Tensor]:
            def pairs(flat: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
                return list(zip(flat[0::2], flat[1::2], strict=True))

            logits, cache = self.model.decode_step(embedded, (cosine, sine), pairs(past), pairs(cross), bias)
            return [logits, *(x for pair in cache for x in pair)]

    sequence = torch.export.Dim("sequence", min=2, max=4096)
    tokens = torch.export.Dim("tokens", min=1, max=4096)
    flat = 2 * size.layers
    options: dict[str, Any]
    if part == "vision":
        model.model.vision("image").positions((GRID, GRID))  # made once, outside of the graph
        module: nn.Module = Vision(model)
        arguments: tuple[Any, ...] = (torch.randn(1, PATCHES, PATCH * PATCH * 3), torch.zeros(1, 1, 1, PATCHES))
        options = {"input_names": ["patches", "bias"], "output_names": ["embedded"]}
    elif part == "encoder":
        module = Encoder(model)
        arguments = (torch.randn(1, length, width), *rotary, torch.zeros(1, 1, 1, length))
        options = {
            "input_names": ["embedded", "cosine", "sine", "bias"], "output_names": _names("cross", size.layers),
            "dynamic_shapes": ({1: sequence}, {0: sequence}, {0: sequence}, {3: sequence}),
        }  # fmt: skip
    else:
        module = Decoder(model)
        row = rotary[0][:1], rotary[1][:1]
        arguments = (torch.randn(1, 1, width), *row, torch.zeros(1, 1, 1, length), [past] * flat, [cross] * flat)
        options = {
            "input_names": [
                "embedded", "cosine", "sine", "bias", *_names("past", size.layers), *_names("cross", size.layers)
            ],
            "output_names": ["logits", *_names("present", size.layers)],
            "dynamic_shapes": (None, None, None, {3: sequence}, [{2: tokens}] * flat, [{2: sequence}] * flat),
        }  # fmt: skip
    # Parts of the model that a graph does not use would only fill memory.
    if part != "vision":
        model.model.input_embedders = None
    if part == "decoder":
        model.model.encoder = None
    with torch.no_grad():
        torch.onnx.export(
            module.eval(), arguments, destination, dynamo=True, external_data=True, opset_version=OPSET, verbose=False,
            **options,
        )  # fmt: skip


def _quantise(source: Path, destination: Path) -> None:
    """Dynamic int8: weights ahead, activations as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source, destination, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QInt8,
        use_external_data_format=True,
    )  # fmt: skip


def make_part(part: str, size: Size, destination: Path) -> None:
    """Writes ``destination/part.onnx`` in int8."""
    with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
        exported = Path(folder) / f"{part}.onnx"
        _export(part, size, exported)
        _quantise(exported, destination / f"{part}.onnx")


def make_model(size: Size, destination: Path) -> None:
    """Makes all parts, each in a process of its own: their memory returns to the system in between."""
    import subprocess
    import sys

    unfinished = destination.with_name(destination.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for part in PARTS:
        subprocess.run(
            [sys.executable, __file__, "--size", size.name, "--model", str(unfinished), "--make-part", part], check=True
        )
    os.replace(unfinished, destination)


def rotary_rows(size: Size, text_tokens: int, image: bool) -> tuple[np.ndarray, np.ndarray]:
    """The encoder's angles, computed apart from torch."""
    head_dimension = size.width // size.heads
    frequencies = 10000.0 ** (-np.arange(0, head_dimension, 2) / head_dimension)
    angles = np.arange(text_tokens)[:, None] * frequencies
    if image:
        half = head_dimension // 2
        frequencies = 10000.0 ** (-np.arange(0, half, 2) / half)
        line = np.arange(GRID)[:, None] * (1024 / PATCHES) ** 0.5 * frequencies
        rows = np.broadcast_to(line[:, None], (GRID, GRID, half // 2))
        columns = np.broadcast_to(line[None], (GRID, GRID, half // 2))
        angles = np.concatenate([angles, np.concatenate([rows, columns], -1).reshape(PATCHES, half)])
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


class Runtime:
    """The three sessions with a number of threads."""

    def __init__(self, folder: Path, size: Size, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.size = size
        self.vision, self.encoder, self.decoder = (
            onnxruntime.InferenceSession(folder / f"{part}.onnx", options, providers=["CPUExecutionProvider"])
            for part in PARTS
        )
        random = np.random.default_rng(0)
        self.embedding = random.standard_normal((size.vocabulary, size.width), dtype=np.float32) * np.float32(0.03)

    def stages(self, case: Case) -> tuple[Callable[[], Any], Callable[[Any, int], None]]:
        """``encode`` and ``decode`` of a case, for ``measure``."""
        size, random = self.size, np.random.default_rng(1)
        ids = random.integers(2, size.vocabulary, case.text_tokens)
        mask = [True] * case.text_tokens
        patches = None
        if case.image is not None:
            shown = patch_mask(case.image)
            mask += shown
            patches = random.standard_normal((1, PATCHES, PATCH * PATCH * 3), dtype=np.float32)
            image_bias = np.where(shown, 0, -1e10).astype(np.float32)[None, None, None]
        bias = np.where(mask, 0, -1e10).astype(np.float32)[None, None, None]
        cosine, sine = rotary_rows(size, case.text_tokens, case.image is not None)
        target_cosine, target_sine = rotary_rows(size, case.new_tokens, False)
        cross_names, past_names = _names("cross", size.layers), _names("past", size.layers)
        empty = np.zeros((1, size.heads, 0, size.width // size.heads), dtype=np.float32)

        def encode() -> Any:
            parts = [self.embedding[ids][None]]
            if patches is not None:
                parts += self.vision.run(None, {"patches": patches, "bias": image_bias})
            embedded = np.concatenate(parts, axis=1)
            outputs = self.encoder.run_with_ort_values(
                None, _values({"embedded": embedded, "cosine": cosine, "sine": sine, "bias": bias})
            )
            return dict(zip(cross_names, outputs, strict=True))

        def decode(cross: Any, count: int) -> None:
            token = 0
            past = dict.fromkeys(past_names, onnxruntime.OrtValue.ortvalue_from_numpy(empty))
            fixed = _values({"bias": bias})
            for position in range(count):
                step = _values({
                    "embedded": self.embedding[token][None, None], "cosine": target_cosine[position : position + 1],
                    "sine": target_sine[position : position + 1],
                })  # fmt: skip
                logits, *present = self.decoder.run_with_ort_values(None, {**step, **fixed, **past, **cross})
                past = dict(zip(past_names, present, strict=True))
                token = int(logits.numpy().argmax())

        return encode, decode


def _values(arrays: dict[str, np.ndarray]) -> dict[str, onnxruntime.OrtValue]:
    return {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}


def main() -> None:
    parser = turn_arguments("Times ONNX Runtime int8.")
    parser.add_argument("--model", type=Path, required=True, help="the exported model's folder; made if missing")
    parser.add_argument("--make-only", action="store_true", help="make the model and end")
    parser.add_argument("--make-part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = SIZES[arguments.size]
    if arguments.make_part:
        make_part(arguments.make_part, size, arguments.model)
        return
    if not arguments.model.is_dir():
        make_model(size, arguments.model)
    if arguments.make_only:
        return
    cases: dict[str, list[dict[str, float]]] = {case.key: [] for case in CASES}
    for threads in sorted({1, arguments.threads}):
        runtime = Runtime(arguments.model, size, threads)
        for case in CASES:
            cases[case.key].append(measure(*runtime.stages(case), case, arguments.repeats))
        del runtime
    print_turn({"onnxruntime": onnxruntime.__version__}, {key: best(found) for key, found in cases.items()})


if __name__ == "__main__":
    main()
