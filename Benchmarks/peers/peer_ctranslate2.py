"""Contestant: CTranslate2 int8 on a T5-style encoder-decoder of the same shape.

    python peer_ctranslate2.py --size large --model DIR       # makes DIR first, if it is not there

The layout is that of T5 1.1: RMS norms, gated MLPs, relative positions; no QK norm and no rotary positions, which
spares it a little work. CTranslate2 takes token ids and no embeddings, so it has only the case ``text-640``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

from cases import CASES, SIZES, Case, Size
from timing import best, figures, print_turn, turn_arguments

RELATIVE_BUCKETS, RELATIVE_DISTANCE = 32, 128
CASE = next(case for case in CASES if case.image is None)


class _Random:
    """Random weights of ordinary magnitude."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)

    def matrix(self, rows: int, columns: int) -> np.ndarray:
        """A weight ``[rows, columns]``, columns being the input."""
        spread = (3.0 / columns) ** 0.5
        values = self._generator.random((rows, columns), dtype=np.float32)
        return (values - 0.5) * np.float32(2 * spread)


def _attention(spec: object, size: Size, random: _Random, cross: bool) -> None:
    width = size.width
    rows = [width, 2 * width, width] if cross else [3 * width, width]
    for linear, count in zip(spec.linear, rows, strict=True):
        linear.weight = random.matrix(count, width)
    spec.layer_norm.gamma = np.ones(width, dtype=np.float32)
    spec.queries_scale = np.float32((size.width // size.heads) ** -0.5)


def make_model(size: Size, destination: Path) -> None:
    """Writes an int8 model with random weights, as ``ct2-transformers-converter --quantization int8`` would."""
    random = _Random()
    spec = transformer_spec.TransformerSpec.from_config(
        (size.layers, size.layers), size.heads, pre_norm=True, activation=common_spec.Activation.SWISH, ffn_glu=True,
        relative_attention_bias=True, rms_norm=True,
    )  # fmt: skip
    embedding = random.matrix(size.vocabulary, size.width)
    for stack in (spec.encoder, spec.decoder):
        bias = random.matrix(RELATIVE_BUCKETS, size.heads)
        decoder = stack is spec.decoder
        (stack.embeddings if decoder else stack.embeddings[0]).weight = embedding
        stack.scale_embeddings = False
        stack.layer_norm.gamma = np.ones(size.width, dtype=np.float32)
        for layer in stack.layer:
            _attention(layer.self_attention, size, random, cross=False)
            layer.self_attention.relative_attention_bias = bias
            layer.self_attention.relative_attention_max_distance = np.dtype("int32").type(RELATIVE_DISTANCE)
            if decoder:
                _attention(layer.attention, size, random, cross=True)
            layer.ffn.linear_0.weight = random.matrix(size.hidden, size.width)
            layer.ffn.linear_0_noact.weight = random.matrix(size.hidden, size.width)
            layer.ffn.linear_1.weight = random.matrix(size.width, size.hidden)
            layer.ffn.layer_norm.gamma = np.ones(size.width, dtype=np.float32)
    spec.decoder.projection.weight = embedding
    spec.decoder.scale_outputs = np.float32(size.width**-0.5)
    tokens = [f"t{index}" for index in range(size.vocabulary - 3)]
    vocabulary = ["<s>", "</s>", "<unk>", *tokens]
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = "<s>", "</s>", "<unk>"
    spec.config.decoder_start_token = "<s>"
    spec.validate()
    spec.optimize(quantization="int8")
    # Another name until it is whole: an interrupted run must not leave half a model.
    unfinished = destination.with_name(destination.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    spec.save(str(unfinished))
    os.replace(unfinished, destination)


def run_case(model: Path, case: Case, threads: int, repeats: int) -> dict[str, float]:
    """Times one case with ``threads`` threads.

    There is no call that only encodes, so one token is decoded, then all: the difference is the tokens' share.
    """
    translator = ctranslate2.Translator(
        str(model), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
    )
    source = [[f"t{(7 * index) % 100}" for index in range(case.text_tokens)]]

    def translate(tokens: int) -> float:
        begin = time.perf_counter()
        result = translator.translate_batch(
            source, beam_size=1, min_decoding_length=tokens, max_decoding_length=tokens, max_input_length=0
        )
        seconds = time.perf_counter() - begin
        assert len(result[0].hypotheses[0]) == tokens
        return seconds

    translate(2)
    one = statistics.median(translate(1) for _ in range(repeats))
    total = statistics.median(translate(case.new_tokens) for _ in range(repeats))
    token = (total - one) / (case.new_tokens - 1)
    return figures(one - token, token, total)


def main() -> None:
    parser = turn_arguments("Times CTranslate2 int8.")
    parser.add_argument("--model", type=Path, required=True, help="the converted model's folder; made if missing")
    parser.add_argument("--make-only", action="store_true", help="make the model and end")
    arguments = parser.parse_args()
    if not arguments.model.is_dir():
        make_model(SIZES[arguments.size], arguments.model)
    if arguments.make_only:
        return
    counts = sorted({1, arguments.threads})
    candidates = [run_case(arguments.model, CASE, threads, arguments.repeats) for threads in counts]
    print_turn({"ctranslate2": ctranslate2.__version__}, {CASE.key: best(candidates)})


if __name__ == "__main__":
    main()
