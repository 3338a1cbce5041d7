"""The PyTorch module against what the official implementation computed (the fixtures of the Swift tests).

The fixtures keep every eighth patch of a picture, so pictures are prepared here, which is thereby tested too.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from uio2_train.data.pictures import decode_picture, input_patches, target_like_input, target_picture  # noqa: E402
from uio2_train.model import Encoded, Inputs, Patches, Target, UnifiedIO, generate, load_model, shift_right  # noqa: E402

GOLDENS = Path(__file__).resolve().parents[4] / "Tests" / "UnifiedIOTests" / "Fixtures" / "tiny-a"
EXAMPLES = {
    "internals_b1": ["ex10_mixed"],
    "internals_b2_padded": ["ex0_robot_img", "ex10_mixed"],
}
TOLERANCE = 1e-4
"""Relative. The perceiver's gelu in its tanh form would move what it makes by 5e-4."""


def golden(part: str) -> dict[str, Tensor]:
    return load_file(GOLDENS / f"{part}.safetensors")


@pytest.fixture(scope="module")
def preprocessed() -> dict[str, Tensor]:
    return golden("preproc")


@pytest.fixture(scope="module", params=[False, True], ids=["fused", "official"])
def model(request: pytest.FixtureRequest) -> UnifiedIO:
    torch.set_num_threads(1)
    return load_model(GOLDENS, official=request.param)


@pytest.fixture(scope="module")
def fused() -> UnifiedIO:
    torch.set_num_threads(1)
    return load_model(GOLDENS)


def stacked(tensors: list[Tensor | None]) -> Tensor | None:
    """Examples of one batch, padded with zeros; those that lack the modality are zeros."""
    present = [tensor for tensor in tensors if tensor is not None]
    if not present:
        return None
    length = [max(sizes) for sizes in zip(*(tensor.shape for tensor in present), strict=True)]
    batch = torch.zeros(len(tensors), *length, dtype=present[0].dtype)
    for row, tensor in zip(batch, tensors, strict=True):
        if tensor is not None:
            row[tuple(slice(0, size) for size in tensor.shape)] = tensor
    return batch


@lru_cache
def call(example: str) -> dict:
    """What the reference's preprocessor was asked."""
    return json.loads((GOLDENS / "preproc.json").read_text())["info"]["examples"][example]["call"]


def picture(path: str):
    return decode_picture((GOLDENS / path).read_bytes())


def pictures(preprocessed: dict[str, Tensor], example: str, name: str) -> tuple[Tensor | None, Tensor | None]:
    """Our own patches, which are the reference's where the file keeps them; frames that are padding are zeros."""
    paths = {"image": call(example).get("image_inputs"), "image_history": call(example).get("image_history")}[name]
    if paths is None:
        return None, None
    canvas = (384, 384) if name == "image" else (256, 256)
    made = [input_patches(picture(path), canvas, 16) for path in ([paths] if name == "image" else paths)]
    values = torch.stack([values for values, _ in made])
    mask = preprocessed[f"{example}/inputs/{name}/mask"].bool()
    expected = preprocessed[f"{example}/inputs/{name}/input"]
    if name == "image":
        values = values[0]
        assert torch.equal(made[0][1], mask)
    else:
        assert torch.equal(torch.stack([shown for _, shown in made]), mask[: len(made)])
    assert torch.allclose(values[..., ::8, :], expected, atol=1e-5)
    full = torch.zeros(*mask.shape, values.shape[-1])
    full[tuple(slice(0, size) for size in values.shape)] = values
    return full, mask


def inputs(preprocessed: dict[str, Tensor], examples: list[str]) -> Inputs:
    text = stacked([preprocessed[f"{example}/inputs/text/tokens"] for example in examples])
    parts = {}
    for name in ("image", "image_history", "audio", "audio_history"):
        rows = []
        for example in examples:
            if name.startswith("image"):
                rows.append(pictures(preprocessed, example, name))
                continue
            mask = preprocessed.get(f"{example}/inputs/{name}/mask")
            values = preprocessed.get(f"{example}/inputs/{name}/input")
            if mask is not None:
                full = torch.zeros(*mask.shape, values.shape[-1])
                full[tuple(slice(0, size) for size in values.shape)] = values
                values = full
            rows.append((values, mask))
        mask = stacked([mask for _, mask in rows])
        if mask is not None:
            positions = stacked([preprocessed.get(f"{example}/inputs/{name}/pos_ids") for example in examples])
            parts[name] = Patches(stacked([values for values, _ in rows]), mask.bool(), positions.long())
    return Inputs(text.long(), **parts)


def target_image(preprocessed: dict[str, Tensor], example: str) -> Tensor:
    """``[1, 3, 256, 256]``, the reference's in the rows that the file keeps."""
    if example == "ex4_text2image":
        ours, mask = target_picture(picture(call(example)["image_targets"]), (256, 256), 8)
    else:
        frame = picture(call(example)["image_inputs"])[:, ::-1]
        ours, mask = target_like_input(frame, (384, 384), (256, 256), 8)
    assert torch.allclose(ours.movedim(0, -1)[::8], preprocessed[f"{example}/targets/image/image"], atol=1e-5)
    assert torch.equal(mask.int(), preprocessed[f"{example}/targets/image/mask"])
    return ours[None]


def relative_error(ours: Tensor, reference: Tensor) -> float:
    assert ours.shape == reference.shape, (ours.shape, reference.shape)
    return float((ours - reference).norm() / reference.norm())


@pytest.mark.parametrize("part", EXAMPLES)
@torch.no_grad()
def test_every_stage_is_the_references(model: UnifiedIO, preprocessed: dict[str, Tensor], part: str) -> None:
    reference, batch = golden(part), inputs(preprocessed, EXAMPLES[part])
    seen: dict[str, Tensor] = {}
    names = ["text", "image", "image_history", "audio", "audio_history"]
    embedded = {
        "text": model.embed_text(batch.text),
        "image": model.embed_patches("image", batch.image),
        "image_history": model.embed_history("image", batch.image_history),
        "audio": model.embed_patches("audio", batch.audio),
        "audio_history": model.embed_history("audio", batch.audio_history),
    }
    for name in names:
        sequence, mask = embedded[name], reference[f"input_{name}.mask"].bool()
        assert torch.equal(sequence.mask, mask), name
        assert relative_error(sequence.embeddings[mask], reference[f"input_{name}.embed"][mask]) < TOLERANCE, name
        cosine, sine = sequence.rotary
        table = torch.stack([cosine, sine], dim=-1).flatten(-2)
        table = table if table.ndim == 2 else table[0]
        shown = mask[0]
        angles = reference[f"input_{name}.position_embed"][0]
        if bool(mask[0].any()):
            assert relative_error(table[: len(angles)][shown], angles[shown]) < TOLERANCE, name

    whole = model.embed_inputs(batch)
    assert torch.equal(whole.mask, torch.cat([reference[f"input_{name}.mask"] for name in names], dim=1).bool())
    encoded = model.encode_sequence(whole)
    kept = whole.mask
    assert relative_error(encoded.states[kept], reference["encoder_final"][kept]) < TOLERANCE

    targets, mask = reference["text.targets"].long(), reference["text.mask"].bool()
    states = model.decode(encoded, Target("text", shift_right(targets), mask=mask), seen.__setitem__)
    for layer in range(6):
        name = f"decoder_layer{layer}"
        assert relative_error(seen[name][mask], reference[name][mask]) < TOLERANCE, name
    logits = model.logits(states)
    assert relative_error(logits[mask], reference["text.logits"][mask]) < TOLERANCE
    loss = torch.nn.functional.cross_entropy(logits[mask], targets[mask], reduction="none")
    assert relative_error(loss, reference["text.token_loss"][mask]) < TOLERANCE
    assert relative_error(loss.mean()[None], reference["text.loss_mean"]) < TOLERANCE


@pytest.mark.parametrize(
    ("example", "modality"), [("ex4_text2image", "image"), ("ex5_image2image", "image"), ("ex9_text2audio", "audio")]
)
@torch.no_grad()
def test_pictures_and_sounds_become_the_references_targets(
    fused: UnifiedIO, preprocessed: dict[str, Tensor], example: str, modality: str
) -> None:
    reference, prefix = golden("forward_targets"), f"{example}.{modality}"
    if modality == "image":
        media = target_image(preprocessed, example)
    else:
        media = preprocessed[f"{example}/targets/audio/audio"][..., 0].T[None]
    ids = fused.target_ids(modality, media)
    agreement = float((ids == reference[f"{prefix}.targets"]).float().mean())
    assert agreement > 0.995, "only ties of two codes may fall the other way"

    encoded = fused.encode(inputs(preprocessed, [example]))
    targets = reference[f"{prefix}.targets"].long()
    seen: dict[str, Tensor] = {}
    mask = reference[f"{prefix}.mask"].bool()
    states = fused.decode(encoded, Target(modality, shift_right(targets), mask=mask), seen.__setitem__)
    logits = fused.logits(states, modality)
    stride = 1024 // 64 if example == "ex5_image2image" else 4
    kept = mask[:, ::stride]
    assert relative_error(logits[:, ::stride][kept], reference[f"{prefix}.logits"][kept]) < TOLERANCE
    loss = torch.nn.functional.cross_entropy(logits[mask], targets[mask], reduction="none")
    assert relative_error(loss, reference[f"{prefix}.token_loss"][mask]) < TOLERANCE
    assert relative_error(loss.mean()[None], reference[f"{prefix}.loss_mean"]) < TOLERANCE


def test_a_loss_of_every_modality_gives_finite_gradients(preprocessed: dict[str, Tensor]) -> None:
    model = load_model(GOLDENS).train()
    reference = golden("forward_targets")
    encoded = model.encode(inputs(preprocessed, ["ex10_mixed"]))
    targets = {
        "text": preprocessed["ex10_mixed/targets/text/targets"][None].long(),
        "image": reference["ex4_text2image.image.targets"].long(),
        "audio": reference["ex9_text2audio.audio.targets"].long(),
    }
    total = torch.zeros(())
    for modality, ids in targets.items():
        logits = model.logits(model.decode(encoded, Target(modality, shift_right(ids))), modality)
        total = total + torch.nn.functional.cross_entropy(logits[0], ids[0])
    total.backward()
    missing = [name for name, parameter in model.named_parameters() if ".vqgan." not in name and parameter.grad is None]
    assert missing == []
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert bool(parameter.grad.isfinite().all()), name
            assert float(parameter.grad.abs().sum()) > 0, name


@torch.no_grad()
def test_tokenizers_both_ways(fused: UnifiedIO, preprocessed: dict[str, Tensor]) -> None:
    reference = golden("codecs")
    image, audio = fused.tokenizer("image"), fused.tokenizer("audio")
    pictures = target_image(preprocessed, "ex4_text2image")
    sounds = preprocessed["ex9_text2audio/targets/audio/audio"][..., 0].T[None]
    assert relative_error(image.latents(pictures), reference["image.z"]) < TOLERANCE
    assert relative_error(audio.latents(sounds), reference["audio.z"]) < TOLERANCE
    for ours, name in ((image.codes(pictures), "image"), (audio.codes(sounds), "audio")):
        different = (ours != reference[f"{name}.indices"])[0]
        assert bool((reference[f"{name}.margin"][different] < 1e-4).all()), name
    assert relative_error(image.decode(reference["image.codes"])[:, :, ::8], reference["image.decoded"]) < 1e-3
    assert relative_error(audio.decode(reference["audio.codes"])[:, None], reference["audio.decoded"]) < 1e-3
    codes = reference["audio.indices"].long()
    assert torch.equal(audio.sequence(codes) + 2, reference["audio.seq_targets"].long())
    assert torch.equal(audio.unsequence(audio.sequence(codes)), codes)


@torch.no_grad()
def test_greedy_text_is_the_references(fused: UnifiedIO, preprocessed: dict[str, Tensor]) -> None:
    reference = golden("generate_text")
    for name, examples in (("b1", ["ex10_mixed"]), ("b2", ["ex0_robot_img", "ex10_mixed"])):
        encoded: Encoded = fused.encode(inputs(preprocessed, examples))
        said = generate(fused, encoded, 32)
        assert torch.equal(said.ids, reference[f"greedy.{name}.tokens"][:, 1:]), name
        assert torch.allclose(said.margins, reference[f"greedy.{name}.margin"], atol=1e-3)
