"""Our PyTorch model computes what the official port computes, or its speed would say nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import load_file  # noqa: E402

from cases import CASES, GRID, PATCH, PATCHES, TINY, patch_mask  # noqa: E402
from peer_torch import Inputs  # noqa: E402
from unified_io import PeerModel, hide, random_model, use_onednn  # noqa: E402

from uio2_train.model import load_model  # noqa: E402

GOLDENS = Path(__file__).resolve().parents[3] / "Tests" / "UnifiedIOTests" / "Fixtures" / "tiny-a"


def golden_model(official: bool) -> PeerModel:
    """The checkpoint of the goldens in our model."""
    return PeerModel(load_model(GOLDENS, official=official).requires_grad_(False))


def golden_patches() -> torch.Tensor:
    """The picture of the golden example ``ex10``, preprocessed as in the release: ``[1, 576, 768]``."""
    image = pytest.importorskip("PIL.Image").open(GOLDENS / "media" / "img_480x640.png").convert("RGB")
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    pixels = pixels.reshape(1, image.height, image.width, 3).permute(0, 3, 1, 2) / 255
    side = GRID * PATCH
    scale = min(side / image.height, side / image.width)
    height, width = int(image.height * scale), int(image.width * scale)
    shown = torch.nn.functional.interpolate(pixels, (height, width), mode="bilinear", antialias=True).clip(0, 1)
    top, left = (side - height) // 2, (side - width) // 2
    canvas = torch.zeros(1, 3, side, side)
    canvas[:, :, top : top + height, left : left + width] = shown
    mean, deviation = (
        torch.tensor([0.48145466, 0.4578275, 0.40821073]),
        torch.tensor([0.26862954, 0.26130258, 0.27577711]),
    )
    canvas = (canvas - mean[:, None, None]) / deviation[:, None, None]
    cells = canvas.unflatten(3, (GRID, PATCH)).unflatten(2, (GRID, PATCH))
    return cells.permute(0, 2, 4, 3, 5, 1).reshape(1, PATCHES, -1)


@pytest.mark.parametrize("official", [False, True])
def test_vision_and_image_embedding_match_the_goldens(official: bool) -> None:
    preprocessed, internals = (
        load_file(GOLDENS / "preproc.safetensors"),
        load_file(GOLDENS / "internals_b1.safetensors"),
    )
    patches = golden_patches()
    assert torch.allclose(patches[0, ::8], preprocessed["ex10_mixed/inputs/image/input"], atol=1e-4)
    shown = internals["input_image.mask"][0].bool()
    embedded = golden_model(official).embed_image(patches, hide(shown.tolist()))
    expected = internals["input_image.embed"]
    assert torch.allclose(embedded[0, shown], expected[0, shown], atol=1e-3)


@pytest.mark.parametrize("official", [False, True])
def test_encoder_and_decoder_match_the_goldens(official: bool) -> None:
    internals = load_file(GOLDENS / "internals_b1.safetensors")
    model = golden_model(official)
    parts = ("text", "image", "image_history", "audio", "audio_history")
    x = torch.cat([internals[f"input_{part}.embed"] for part in parts], dim=1)
    mask = torch.cat([internals[f"input_{part}.mask"] for part in parts], dim=1)[0].bool()
    rows = torch.cat([internals[f"input_{part}.position_embed"] for part in parts], dim=1)[0]
    rotary = rows[:, 0::2], rows[:, 1::2]
    states = model.encode(x, rotary, hide(mask.tolist()))
    assert torch.allclose(states[0, mask], internals["encoder_final"][0, mask], atol=2e-4)

    bias = hide(mask.tolist())
    targets = internals["text.targets"][0].long()
    cross, cache, recomputing = model.project_cross(states, rotary), None, None
    for position, token in enumerate([0, *targets[:-1].tolist()]):
        x = model.embed_target(torch.tensor([[token]]))
        row = tuple(table[position : position + 1] for table in model.text_rotary)
        logits, cache = model.decode_step(x, row, cache, cross, bias)
        again, recomputing = model.step_recomputing(x, row, recomputing, states, rotary, bias)
        assert torch.allclose(logits[0], internals["text.logits"][0, position], atol=1e-3)
        assert torch.allclose(logits, again, atol=1e-4)


def test_rotary_tables_match_the_goldens() -> None:
    internals = load_file(GOLDENS / "internals_b1.safetensors")
    model = golden_model(False)
    cosine, sine = model.rotary(internals["input_text.embed"].shape[1], image=True)
    rows = torch.cat([internals["input_text.position_embed"], internals["input_image.position_embed"]], dim=1)[0]
    assert torch.allclose(cosine, rows[:, 0::2], atol=1e-5)
    assert torch.allclose(sine, rows[:, 1::2], atol=1e-5)


def test_random_weights_are_ordinary_numbers() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        model = random_model(TINY, dtype=dtype)
        for parameter in model.parameters():
            assert parameter.dtype == dtype
            assert parameter.isfinite().all()
            assert parameter.abs().max() <= 1.0


def test_products_on_onednn_change_nothing() -> None:
    case, model = CASES[0], random_model(TINY)
    inputs = Inputs(case, TINY.vocabulary, torch.float32)
    rotary = model.rotary(case.text_tokens, True)

    def run() -> torch.Tensor:
        with torch.inference_mode():
            parts = [model.embed_text(inputs.tokens), model.embed_image(inputs.patches, inputs.image_bias)]
            cross = model.project_cross(model.encode(torch.cat(parts, dim=1), rotary, inputs.bias), rotary)
            row = tuple(table[:1] for table in model.text_rotary)
            return model.decode_step(
                model.embed_target(torch.zeros(1, 1, dtype=torch.long)), row, None, cross, inputs.bias
            )[0]

    before = run()
    use_onednn(model)
    assert torch.allclose(run(), before, atol=1e-5)


@pytest.mark.skipif("OFFICIAL_CHECKOUT" not in os.environ, reason="OFFICIAL_CHECKOUT names no checkout of the port")
def test_same_states_as_the_official_port() -> None:
    import peer_official

    port = peer_official.import_port(Path(os.environ["OFFICIAL_CHECKOUT"]))
    theirs = peer_official.build(port, TINY)
    ours = random_model(TINY)
    weights = {k: v for k, v in ours.model.state_dict().items()}
    missing = theirs.load_state_dict(weights, strict=False)
    assert not missing.unexpected_keys
    for case in CASES[:2]:
        inputs = Inputs(case, TINY.vocabulary, torch.float32)
        parts = [ours.embed_text(inputs.tokens), ours.embed_image(inputs.patches, inputs.image_bias)]
        states = ours.encode(torch.cat(parts, dim=1), ours.rotary(case.text_tokens, True), inputs.bias)
        flat = peer_official.batch_of(case, TINY)
        nested: dict[str, dict[str, torch.Tensor]] = {}
        for key, value in flat.items():
            _, modality, name = key.split("/")
            nested.setdefault(modality, {})[name] = value
        expected = theirs.encoder(theirs.encode_batch(nested))
        shown = torch.tensor(inputs.mask)
        assert shown.sum() == case.text_tokens + sum(patch_mask(case.image))
        assert torch.allclose(states[0, shown], expected[0, shown], atol=1e-4)
