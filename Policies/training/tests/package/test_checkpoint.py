"""Checkpoints: every form that is published is read, and what is written is read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from uio2_train.errors import TrainingError  # noqa: E402
from uio2_train.model import Configuration, UnifiedIO, load_model, save_model  # noqa: E402
from uio2_train.model.checkpoint import read_tensors  # noqa: E402
from uio2_train.model.presets import policy, released  # noqa: E402

FIXTURES = Path(__file__).resolve().parents[4] / "Tests"
MICRO = FIXTURES / "ModelImportTests" / "Fixtures"
TINY = FIXTURES / "UnifiedIOTests" / "Fixtures" / "tiny-a"


def same(a: UnifiedIO, b: UnifiedIO) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_f32_survives_a_round_trip_bit_by_bit(tmp_path: Path) -> None:
    model = load_model(TINY)
    count = save_model(model, tmp_path, "f32")
    assert count == sum(tensor.numel() for tensor in model.state_dict().values())
    assert same(load_model(tmp_path), model)
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads((TINY / "config.json").read_text())


def test_shards_are_written_and_read(tmp_path: Path) -> None:
    model = load_model(TINY)
    save_model(model, tmp_path, "f32", shard_bytes=4 << 20)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 3
    assert same(load_model(tmp_path), model)


def test_the_release_precision_keeps_vision_and_tokenizers_exact(tmp_path: Path) -> None:
    model = load_model(TINY)
    save_model(model, tmp_path, "release")
    again = load_model(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        fixed = "vision_transformer." in name or ".vqgan." in name
        assert torch.equal(again[name], tensor if fixed else tensor.bfloat16().float()), name


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickle_of_tensors_is_read(tmp_path: Path, nested: bool) -> None:
    model = load_model(TINY)
    weights = model.state_dict()
    torch.save({"state_dict": weights, "epoch": 3} if nested else weights, tmp_path / "pytorch_model.bin")
    model.configuration.save(tmp_path / "config.json")
    assert same(load_model(tmp_path), model)


@pytest.mark.parametrize("name", ["micro", "micro-legacy", "micro-nested", "micro-parameters"])
def test_every_form_of_torch_files_is_read(name: str) -> None:
    """The files that the Swift importer is tested with."""
    from safetensors.torch import load_file

    expected = load_file(MICRO / "micro.safetensors")
    found = dict(read_tensors(MICRO / f"{name}.bin"))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key].float(), expected[key].float()) for key in expected)


@pytest.mark.parametrize("name", ["hostile-system.bin", "hostile-object.bin", "micro-protocol4.bin"])
def test_a_pickle_that_runs_code_or_is_too_new_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes((MICRO / name).read_bytes())
    (tmp_path / "config.json").write_bytes((TINY / "config.json").read_bytes())
    with pytest.raises(TrainingError) as caught:
        load_model(tmp_path)
    assert caught.value.code == "unreadable_file" and "uio2 import" in caught.value.message


def test_missing_surplus_and_misshapen_tensors_are_named(tmp_path: Path) -> None:
    model = load_model(TINY)
    model.configuration.save(tmp_path / "config.json")
    weights = model.state_dict()
    for change, code in (
        (lambda w: w.pop("encoder.layers_0.mlp.wo.weight"), "missing_tensor"),
        (lambda w: w.update({"encoder.layers_9.mlp.wo.weight": torch.zeros(1)}), "surplus_tensor"),
        (lambda w: w.update({"encoder.layers_0.mlp.wo.weight": torch.zeros(2, 2)}), "shape_mismatch"),
    ):
        changed = dict(weights)
        change(changed)
        torch.save(changed, tmp_path / "pytorch_model.bin")
        with pytest.raises(TrainingError) as caught:
            load_model(tmp_path)
        assert caught.value.code == code and caught.value.subject.startswith("encoder.layers_")


def test_modalities_can_be_left_out() -> None:
    document = json.loads((TINY / "config.json").read_text())
    document |= {"input_modalities": ["text", "image_history"], "target_modalities": ["text"]}
    model = load_model(TINY, Configuration.of(document))
    assert set(model.input_embedders) == {"text", "image_history"}
    assert "input_embedders.image_history.image_encoder.vision_transformer.class_embedding" in model.state_dict()


@pytest.mark.parametrize("name", ["large", "xl", "xxl", "tiny"])
def test_released_sizes_have_their_numbers_of_weights(name: str) -> None:
    with torch.device("meta"):
        model = UnifiedIO(Configuration.of(released(name)))
    count = sum(parameter.numel() for parameter in model.parameters())
    expected = {"large": (1.0e9, 1.3e9), "xl": (3.0e9, 3.6e9), "xxl": (6.6e9, 7.2e9), "tiny": (1e6, 8e6)}[name]
    assert expected[0] < count < expected[1], count


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (lambda d: d["t5_config"].update(emb_dim=65), "t5_config.emb_dim"),
        (lambda d: d["t5_config"].pop("mlp_dim"), "t5_config"),
        (lambda d: d["t5_config"].update(num_heads=0), "t5_config.num_heads"),
        (lambda d: d.pop("image_vit_cfg"), "image_vit_cfg"),
        (lambda d: d.update(input_modalities=["smell"]), "input_modalities"),
        (lambda d: d["t5_config"].update(default_image_vit_size=[100, 96]), "t5_config.default_image_vit_size"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(change, subject: str) -> None:
    document = policy(640)
    change(document)
    with pytest.raises(TrainingError) as caught:
        Configuration.of(document)
    assert caught.value.code == "invalid_configuration" and caught.value.subject == subject
