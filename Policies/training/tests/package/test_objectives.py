"""What the model is taught, against the reference's own targets and against slow, plain versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("yaml")

from safetensors.torch import load_file  # noqa: E402

from uio2_train.data import sounds  # noqa: E402
from uio2_train.model import Configuration, Inputs, Target, UnifiedIO, load_model, shift_right  # noqa: E402
from uio2_train.model.presets import policy  # noqa: E402
from uio2_train.objectives import ActionCloning, cross_entropy, smoothing_matrix  # noqa: E402
from uio2_train.objectives.denoising import (  # noqa: E402
    TEXT_DENOISERS,
    code_mask,
    corrupt_text,
    dynamic_visibility,
    hide_patches,
    noise_spans,
    restore_text,
)
from uio2_train.objectives.mixture import MediaBatch, media_loss, sound_batch  # noqa: E402
from uio2_train.objectives.packing import pack_groups, pack_sequence, pack_targets  # noqa: E402
from uio2_train.tokenizer import Tokenizer, train_vocabulary  # noqa: E402

TINY = Path(__file__).resolve().parents[4] / "Tests" / "UnifiedIOTests" / "Fixtures" / "tiny-a"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_vocabulary(["Push the block.", "Open the drawer of the cabinet."]))


@pytest.fixture(scope="module")
def tiny() -> UnifiedIO:
    torch.set_num_threads(1)
    return load_model(TINY)


@pytest.fixture(scope="module")
def tiny_tokenizer() -> Tokenizer:
    return Tokenizer.load(TINY / "tokenizer.model")


# The reference's targets


def test_picture_targets_and_their_loss_are_the_references(tiny: UnifiedIO) -> None:
    """[S] of the golden picture: its codes, its mask and the mean over what counts."""
    from test_model_goldens import golden, inputs, target_image

    reference, preprocessed = golden("forward_targets"), golden("preproc")
    media = target_image(preprocessed, "ex4_text2image")
    mask = reference["ex4_text2image.image.mask"].bool()
    batch = MediaBatch(inputs(preprocessed, ["ex4_text2image"]), media, mask, mask, torch.zeros_like(mask))
    loss = media_loss(tiny, batch)
    assert torch.allclose(loss, reference["ex4_text2image.image.loss_mean"][0], rtol=1e-4)


def test_sound_targets_are_the_references(tiny: UnifiedIO, tiny_tokenizer: Tokenizer) -> None:
    """[S] of the golden sound, from its waveform on."""
    wave = pytest.importorskip("scipy.io.wavfile")

    reference = load_file(TINY / "forward_targets.safetensors")
    rate, samples = wave.read(TINY / "media" / "short2p5s_16k_mono.wav")
    assert rate == sounds.SAMPLE_RATE
    mel = sounds.power_mel(sounds.segments(samples.astype(np.float32) / 32768)[0])
    batch = sound_batch(tiny_tokenizer, "dogs barking", [mel], 1.0, np.random.default_rng(0))
    expected = load_file(TINY / "preproc.safetensors")
    assert torch.equal(batch.inputs.text[0], expected["ex9_text2audio/inputs/text/tokens"].long())
    assert torch.allclose(batch.media[0].T, expected["ex9_text2audio/targets/audio/audio"][..., 0], atol=2e-3)
    agreement = (tiny.target_ids("audio", batch.media) == reference["ex9_text2audio.audio.targets"]).float().mean()
    assert float(agreement) > 0.98
    assert torch.allclose(media_loss(tiny, batch), reference["ex9_text2audio.audio.loss_mean"][0], rtol=0.02)


def test_losses_of_a_batch_with_three_modalities_are_the_references(tiny: UnifiedIO) -> None:
    """Three examples, one target each, in one padded batch: each modality's mean is over its own tokens."""
    from test_model_goldens import golden, inputs

    reference, preprocessed = golden("forward_targets"), golden("preproc")
    text = preprocessed["ex0_robot_img/targets/text/targets"][None].long()
    encoded = tiny.encode(inputs(preprocessed, ["ex0_robot_img"]))
    logits = tiny.logits(tiny.decode(encoded, Target("text", shift_right(text))))
    assert torch.allclose(cross_entropy(logits, text), reference["tri.text.loss_mean"][0], rtol=1e-4)
    padded_logits = torch.cat([logits, torch.randn_like(logits)])
    padded = torch.cat([text, torch.zeros_like(text)])
    counted = torch.cat([torch.ones_like(text), torch.zeros_like(text)]).bool()
    assert torch.allclose(cross_entropy(padded_logits, padded, counted), reference["tri.text.loss_mean"][0], rtol=1e-4)


def test_nothing_that_counts_gives_zero() -> None:
    mask = torch.zeros(2, 3, dtype=torch.bool)
    assert float(cross_entropy(torch.randn(2, 3, 5), torch.zeros(2, 3, dtype=torch.long), mask)) == 0


# Text


def test_corrupted_text_can_be_restored(tokenizer: Tokenizer) -> None:
    random = np.random.default_rng(0)
    hidden = {denoiser: [] for denoiser in TEXT_DENOISERS}
    for denoiser in TEXT_DENOISERS:
        for _ in range(200):
            length = int(random.integers(2, 300))
            tokens = random.integers(3, tokenizer.base, length).tolist()
            example = corrupt_text(tokens, denoiser, tokenizer, random)
            assert restore_text(example, denoiser, tokenizer) == tokens
            prefix = tokenizer.encode(denoiser.prefix)
            assert len(prefix) == 1 and example.inputs[0] == prefix[0]
            assert example.inputs[-1] == example.targets[-1] == 1
            hidden[denoiser].append((length, sum(token < tokenizer.base for token in example.targets[:-1])))
    for denoiser, counts in hidden.items():
        for length, count in counts:
            assert count == min(max(round(length * denoiser.density), 1), length - 1), denoiser


def test_spans_are_apart_and_as_long_as_asked() -> None:
    random = np.random.default_rng(1)
    lengths = []
    for _ in range(300):
        total = int(random.integers(4, 400))
        spans = noise_spans(total, 0.15, 3.0, random)
        assert spans[0][0] >= 1 and spans[-1][1] <= total
        for (_, end), (start, _) in zip(spans, spans[1:], strict=False):
            assert start > end
        lengths += [end - start for start, end in spans] if total > 100 else []
    assert 2.7 < np.mean(lengths) < 3.3
    assert noise_spans(10, 0.25, float("inf"), random) == [(8, 10)]


def test_sentinels_are_the_first_extra_ids(tokenizer: Tokenizer) -> None:
    assert [tokenizer.sentinel(0)] == tokenizer.encode("<extra_id_0>")
    assert [tokenizer.sentinel(199)] == tokenizer.encode("<extra_id_199>")
    assert tokenizer.sentinel(199) not in tokenizer.location_ids
    assert tokenizer.encode("<extra_id_200>") == [int(tokenizer.locations(np.array(0)))]


# Pictures and sounds


def test_hidden_patches_and_the_codes_under_them() -> None:
    hidden = hide_patches(50, (24, 24), 0.6, np.random.default_rng(0))
    assert set(hidden.sum(1)) == {round(576 * 0.6)}
    codes = code_mask(hidden, (24, 24), (32, 32)).view(50, 32, 32)
    for row, column in ((0, 0), (5, 31), (16, 7)):
        patch = int((row + 0.5) * 0.75) * 24 + int((column + 0.5) * 0.75)
        assert torch.equal(codes[:, row, column], torch.from_numpy(hidden[:, patch]))
    sound = code_mask(hide_patches(3, (16, 8), 0.5, np.random.default_rng(1)), (16, 8), (32, 16))
    assert set(sound.sum(1).tolist()) == {256}


def test_dynamic_masking_is_the_references_formula() -> None:
    random = np.random.default_rng(0)
    task = torch.from_numpy(random.random((2, 12)) < 0.4)
    found = dynamic_visibility(task)
    for b in range(2):
        noise = [True] + [not bool(x) for x in task[b, :-1]]  # as the reference: 1 - task_mask, moved right by one
        for q in range(12):
            for k in range(12):
                assert bool(found[b, q, k]) == ((noise[q] and noise[k] or q == k) and k <= q)


def test_a_denoised_sound_counts_the_hidden_codes_alone(tiny: UnifiedIO, tiny_tokenizer: Tokenizer) -> None:
    random = np.random.default_rng(0)
    mel = random.random((128, 256)).astype(np.float32)
    batch = sound_batch(tiny_tokenizer, "a robot", [mel, mel], 0.5, random)
    assert int(batch.loss_mask.sum()) == 512 and torch.equal(batch.loss_mask, batch.task_mask)
    assert int(batch.inputs.audio.mask.sum()) == 128
    assert batch.inputs.text[0, 0] == tiny_tokenizer.encode("[Audio] [R]")[0]
    for dynamic in (False, True):
        assert bool(media_loss(tiny, batch, dynamic).isfinite())


# Packing


def test_packed_examples_give_what_they_give_alone(tiny: UnifiedIO) -> None:
    random = np.random.default_rng(0)
    lengths, answers = [9, 4, 7, 12, 3], [6, 3, 8, 2, 5]
    text = torch.zeros(5, 12, dtype=torch.long)
    for row, length in zip(text, lengths, strict=True):
        row[:length] = torch.from_numpy(random.integers(3, 3000, length))
    targets = [torch.from_numpy(random.integers(3, 3000, length)) for length in answers]
    groups = pack_groups(lengths, answers, 20, 20)
    assert sorted(index for group in groups for index in group) == [0, 1, 2, 3, 4] and len(groups) == 3

    with torch.no_grad():
        encoded = tiny.encode_sequence(pack_sequence(tiny.embed_text(text), groups))
        ids, inputs, positions, segments = pack_targets(targets, groups)
        logits = tiny.logits(tiny.decode(encoded, Target("text", inputs, positions, segments=segments)))
        packed = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none")
        for index, target in enumerate(targets):
            alone = tiny.encode(Inputs(text[index : index + 1, : lengths[index]]))
            states = tiny.decode(alone, Target("text", shift_right(target[None])))
            expected = torch.nn.functional.cross_entropy(tiny.logits(states)[0], target, reduction="none")
            assert torch.allclose(packed[(segments == index).flatten()], expected, atol=1e-4), index


def test_groups_keep_their_limits() -> None:
    random = np.random.default_rng(0)
    for most in (2, 3):
        inputs, targets = random.integers(1, 60, 40).tolist(), random.integers(1, 40, 40).tolist()
        groups = pack_groups(inputs, targets, 64, 48, most)
        assert sorted(index for group in groups for index in group) == list(range(40))
        assert any(len(group) > 1 for group in groups)
        for group in groups:
            assert len(group) <= most
            assert len(group) == 1 or sum(inputs[i] for i in group) <= 64 and sum(targets[i] for i in group) <= 48


# Actions


def test_smoothing_is_a_distribution_around_its_bin() -> None:
    matrix = smoothing_matrix(1000, 8.0)
    assert torch.allclose(matrix.sum(1), torch.ones(1000), atol=1e-5)
    assert torch.equal(matrix.argmax(1), torch.arange(1000))
    assert torch.equal(smoothing_matrix(1000, 0.0), torch.eye(1000))


def test_cloning_is_the_plain_cross_entropy_of_two_separate_answers(tokenizer: Tokenizer) -> None:
    """Without smoothing and weights, the two segments are two ordinary teacher-forced answers."""
    torch.manual_seed(0)
    model = UnifiedIO(Configuration.of(policy(tokenizer.padded_size, (32, 32))), tokenizers=False)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    cloning = ActionCloning(tokenizer, 6, 3, positions=4, deviation=0.0, first_step_weight=1.0)
    random = np.random.default_rng(0)
    actions, where = (torch.from_numpy(random.integers(0, 1000, (2, count))) for count in (6, 4))
    encoded = model.encode(Inputs(torch.tensor([tokenizer.prompt("Push the block.")] * 2)))
    action_loss, where_loss = cloning(model, encoded, actions, where)

    said = cloning.locations(actions)
    answer = torch.cat([said, torch.ones(2, 1, dtype=torch.long)], dim=1)
    logits = model.logits(model.decode(encoded, Target("text", shift_right(answer))))
    expected = cross_entropy(logits[:, :6], said) + 0.05 * cross_entropy(logits[:, 6:], answer[:, 6:])
    assert torch.allclose(action_loss, expected, atol=1e-5)
    positions = cloning.locations(where)
    question = torch.full((2, 1), cloning.question)
    fed = torch.cat([torch.zeros(2, 1, dtype=torch.long), question, positions[:, :-1]], dim=1)
    logits = model.logits(model.decode(encoded, Target("text", fed)))
    assert torch.allclose(where_loss, cross_entropy(logits[:, 1:], positions), atol=1e-5)
