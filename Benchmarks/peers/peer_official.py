"""Contestant: the official PyTorch port of Unified-IO 2, from a checkout that the user names.

    git clone https://github.com/allenai/unified-io-2.pytorch DIR
    python peer_official.py --checkout DIR --size large

Nothing of that checkout is copied or changed. Two things stand in its way on a present Python, and are mended while it
is imported: dataclass defaults that Python 3.11 refuses, and preprocessing libraries that the model itself never calls.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import importlib.util
import sys
import types
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from cases import CASES, PATCHES, SIZES, Case, Size
from peer_torch import Inputs
from timing import measure, print_turn, turn_arguments

UNUSED = ("tensorflow", "librosa", "scipy", "skvideo", "PIL", "sentencepiece", "tqdm")
"""Libraries of the port's preprocessing and vocoder, which are not timed here."""


class _Absent(types.ModuleType):
    """Stands for an unused library: any attribute is there, and is good for nothing."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return mock.MagicMock(name=f"{self.__name__}.{name}")


class _AbsentFinder:
    """Imports of an unused library and of its submodules give ``_Absent``."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] in UNUSED:
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def _tolerant_dataclass(original: Any) -> Any:
    """``dataclasses.dataclass`` that takes instances of other dataclasses as defaults, as Python 3.10 did."""

    def decorate(cls: type | None = None, **options: Any) -> Any:
        def apply(owner: type) -> type:
            for name in owner.__dict__.get("__annotations__", {}):
                default = owner.__dict__.get(name)
                if dataclasses.is_dataclass(default) and not isinstance(default, type):
                    factory = dataclasses.field(default_factory=lambda value=default: copy.deepcopy(value))
                    setattr(owner, name, factory)
            return original(owner, **options)

        return apply if cls is None else apply(cls)

    return decorate


def import_port(checkout: Path) -> types.SimpleNamespace:
    """The port's modules that make up the model."""
    if not (checkout / "uio2" / "model.py").is_file():
        raise SystemExit(f"{checkout}: no checkout of the official port (uio2/model.py is missing)")
    warnings.filterwarnings("ignore")
    # Before the stand-ins: transformers looks at what is installed.
    for name in ("transformers", "transformers.generation", "einops"):
        importlib.import_module(name)
    from transformers import DynamicCache, GenerationConfig, GenerationMixin, LogitsProcessor  # noqa: F401

    sys.path.insert(0, str(checkout))
    sys.meta_path.insert(0, _AbsentFinder())
    with mock.patch.object(dataclasses, "dataclass", _tolerant_dataclass(dataclasses.dataclass)):
        config, model, modalities = (
            importlib.import_module(f"uio2.{name}") for name in ("config", "model", "get_modality_processor")
        )
    return types.SimpleNamespace(config=config, model=model, modalities=modalities)


def build(port: types.SimpleNamespace, size: Size) -> Any:
    """The port's model for text and a picture in, text out, with random weights."""
    t5 = port.config.T5Config(
        vocab_size=size.vocabulary, image_vocab_size=16, audio_vocab_size=16, emb_dim=size.width, num_heads=size.heads,
        num_encoder_layers=size.layers, num_decoder_layers=size.layers, head_dim=size.width // size.heads,
        mlp_dim=size.hidden,
    )  # fmt: skip
    vit = port.config.ImageVitFeatureConfig(
        emb_dim=size.vit_width, num_heads=size.vit_heads, num_layers=size.vit_layers,
        head_dim=size.vit_width // size.vit_heads, mlp_dim=size.vit_hidden, default_input_size=(384, 384),
    )  # fmt: skip
    inputs = port.modalities.get_input_modalities(
        ["text", "image"], image_vit_cfg=vit, use_image_vit=True, freeze_vit=True
    )
    targets = port.modalities.get_target_modalities(["text"])
    model = port.model.UnifiedIOModel(
        t5, {name: part.get_encoder(t5) for name, part in inputs.items()},
        {name: part.get_encoder(t5) for name, part in targets.items()},
    )  # fmt: skip
    return model.eval().requires_grad_(False)


def batch_of(case: Case, size: Size) -> dict[str, torch.Tensor]:
    """The port's flat input dictionary for a case."""
    inputs = Inputs(case, size.vocabulary, torch.float32)
    batch = {
        "inputs/text/tokens": inputs.tokens,
        "inputs/text/mask": torch.ones_like(inputs.tokens, dtype=torch.int32),
        "inputs/text/pos_ids": torch.arange(case.text_tokens)[None],
    }
    if inputs.patches is not None:
        batch["inputs/image/input"] = inputs.patches
        batch["inputs/image/mask"] = torch.tensor(inputs.mask[case.text_tokens :], dtype=torch.int32)[None]
        batch["inputs/image/pos_ids"] = torch.arange(PATCHES)[None]
    return batch


def run_case(model: Any, port: types.SimpleNamespace, case: Case, size: Size, repeats: int) -> dict[str, float]:
    """Times one case; generation is the port's own, through the library that it builds on."""
    from transformers import GenerationConfig
    from uio2.utils import unflatten_dict

    inputs = unflatten_dict(batch_of(case, size))["inputs"]

    def encode() -> Any:
        sequence = model.encode_batch(inputs)
        return sequence, model.encoder(sequence)

    def decode(state: Any, count: int) -> None:
        sequence, states = state

        def embed(ids: torch.Tensor, mask: torch.Tensor, cur_index: int | None = None) -> Any:
            return model.target_embedders["text"](
                ids, mask=mask, cur_index=cur_index, shared_embed=model.text_token_embedder
            )

        # What the port's own `generate` passes on; it would encode again, and stop at the end token.
        settings = GenerationConfig(
            max_length=None, max_new_tokens=count, min_new_tokens=count, bos_token_id=0, eos_token_id=1, pad_token_id=1
        )
        out = model.decoder.generate(
            generation_config=settings, input_ids=torch.zeros((1, 1), dtype=torch.long), modality="text",
            logit_weights=model.text_token_embedder.weight, embed_token_id=embed,
            encoder_pos_emb=sequence.position_embed, encoded=states, encoder_mask=sequence.mask,
        )  # fmt: skip
        assert out.shape[1] == count + 1

    return measure(encode, decode, case, repeats)


def main() -> None:
    parser = turn_arguments("Times the official PyTorch port of Unified-IO 2.")
    parser.add_argument("--checkout", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    port = import_port(arguments.checkout)
    import transformers

    size = SIZES[arguments.size]
    torch.manual_seed(0)
    with torch.inference_mode():
        model = build(port, size)
        # The port's text positions end at 512, so text-640 is not for it.
        cases = {
            case.key: run_case(model, port, case, size, arguments.repeats) for case in CASES if case.image is not None
        }
    print_turn({"torch": torch.__version__, "transformers": transformers.__version__}, cases)


if __name__ == "__main__":
    main()
