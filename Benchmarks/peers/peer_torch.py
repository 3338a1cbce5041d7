"""Contestant: PyTorch, the model of ``unified_io.py``.

    python peer_torch.py --size large --dtype f32 --recompute-cross off
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cases import CASES, PATCH, PATCHES, SIZES, Case, patch_mask
from timing import measure, print_turn, turn_arguments
from unified_io import PeerModel, hide, image_bias, random_model, use_onednn


class Inputs:
    """The tensors of a case: random ids and patches, the masks that the picture's shape gives."""

    def __init__(self, case: Case, vocabulary: int, dtype: torch.dtype) -> None:
        generator = torch.Generator().manual_seed(1)
        self.tokens = torch.randint(2, vocabulary, (1, case.text_tokens), generator=generator)
        self.patches: Tensor | None = None
        mask = [True] * case.text_tokens
        if case.image is not None:
            shown = patch_mask(case.image)
            self.patches = torch.randn(1, PATCHES, PATCH * PATCH * 3, generator=generator).to(dtype)
            self.image_bias = image_bias(shown)
            mask += shown
        self.mask = mask
        self.bias = hide(mask)


def run_case(model: PeerModel, case: Case, dtype: torch.dtype, recompute: bool, repeats: int) -> dict[str, float]:
    """Times one case."""
    inputs = Inputs(case, model.model.configuration.t5.vocab_size, dtype)
    rotary = model.rotary(case.text_tokens, case.image is not None)

    def encode() -> Any:
        parts = [model.embed_text(inputs.tokens)]
        if inputs.patches is not None:
            parts.append(model.embed_image(inputs.patches, inputs.image_bias))
        states = model.encode(torch.cat(parts, dim=1), rotary, inputs.bias)
        return states if recompute else model.project_cross(states, rotary)

    def decode(state: Any, count: int) -> None:
        token, cache = torch.zeros(1, 1, dtype=torch.long), None
        for position in range(count):
            x = model.embed_target(token)
            row = tuple(table[position : position + 1] for table in model.text_rotary)
            if recompute:
                logits, cache = model.step_recomputing(x, row, cache, state, rotary, inputs.bias)
            else:
                logits, cache = model.decode_step(x, row, cache, state, inputs.bias)
            token = logits.argmax(-1, keepdim=True)

    return measure(encode, decode, case, repeats)


def main() -> None:
    parser = turn_arguments("Times Unified-IO 2 in PyTorch.")
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument(
        "--recompute-cross", choices=("on", "off"), default="off",
        help="on: the official port's manner, keys and values of all encoder tokens anew at every step",
    )  # fmt: skip
    parser.add_argument(
        "--products", choices=("stock", "onednn"), default="stock",
        help="stock: whatever library nn.Linear chooses; onednn: packed weights, as torch.compile with freezing",
    )  # fmt: skip
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recompute = arguments.recompute_cross == "on"
    dtype = torch.float32 if arguments.dtype == "f32" else torch.bfloat16
    with torch.inference_mode():
        model = random_model(SIZES[arguments.size], official=recompute, dtype=dtype)
        if arguments.products == "onednn":
            use_onednn(model)
        cases = {case.key: run_case(model, case, dtype, recompute, arguments.repeats) for case in CASES}
    print_turn({"torch": torch.__version__}, cases)


if __name__ == "__main__":
    main()
