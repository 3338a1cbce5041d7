"""Unified-IO 2: text, pictures, sounds and their histories in; text, pictures and sounds out. Names as released.

Shapes: see ``sequences``. The mathematics is that of the released PyTorch port, plain causal decoding included (its
pattern masks are built and never added). ``official=True`` computes attention and norms in the port's plain manner,
which costs what it costs; otherwise they are fused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import TrainingError
from .audio_tokenizer import AudioTokenizer
from .configuration import Configuration
from .image_tokenizer import ImageTokenizer
from .layers import KeyValue, Rotary, key_bias, rotary_1d, rotary_2d
from .products import Group, Linear, linear
from .sequences import Encoded, Inputs, Patches, Sequence, Target, as_bias, attention_bias, concatenate
from .stacks import DecoderLayer, Embedder, EncoderLayer, Stack, history
from .vision import AudioTransformer, ImageTransformer

Probe = Callable[[str, Tensor], None]
"""Is shown a tensor of the inside by its name."""

FIRST_CODE = 2
"""Ids of pictures and sounds: 0 starts, 1 ends, codes follow."""


class UnifiedIO(nn.Module):
    """The model of a configuration.

    Args:
        configuration: of the checkpoint.
        tokenizers: whether to have the VQGAN and the ViT-VQGAN of the target modalities.
        official: the port's plain manner of computing.
    """

    def __init__(self, configuration: Configuration, tokenizers: bool = True, official: bool = False) -> None:
        super().__init__()
        self.configuration = configuration
        t5, inputs, targets = configuration.t5, configuration.input_modalities, configuration.target_modalities
        width = t5.emb_dim
        self.text_token_embedder = nn.Embedding(t5.vocab_size, width)
        if "image" in targets:
            self.image_token_embedder = nn.Embedding(t5.image_vocab_size, width)
        if "audio" in targets:
            self.audio_token_embedder = nn.Embedding(t5.audio_vocab_size, width)
        self.encoder = Stack(
            "encoder_norm", width, official, [EncoderLayer(t5, official) for _ in range(t5.num_encoder_layers)]
        )
        self.decoder = Stack(
            "decoder_norm", width, official,
            [DecoderLayer(t5, t5.has_cross_attention(i), official) for i in range(t5.num_decoder_layers)],
        )  # fmt: skip

        embedders = {"text": Embedder(width)}
        self._add_vision(embedders, "image", official)
        self._add_vision(embedders, "audio", official)
        self.input_embedders: Any = nn.ModuleDict({name: embedders[name] for name in inputs})
        self.target_embedders: Any = nn.ModuleDict({name: Embedder(width) for name in targets})
        if tokenizers and configuration.image_vqgan is not None:
            self.target_embedders["image"].vqgan = ImageTokenizer(configuration.image_vqgan)
        if tokenizers and configuration.audio_vqgan is not None:
            self.target_embedders["audio"].vqgan = AudioTokenizer(configuration.audio_vqgan)
        self._tables = self._rotary_tables()

    def _add_vision(self, embedders: dict[str, Embedder], name: str, official: bool) -> None:
        """The embedders of a modality and its history; their one vision transformer lies with the first of them."""
        configuration, width = self.configuration, self.configuration.t5.emb_dim
        size = configuration.image_vit if name == "image" else configuration.audio_vit
        resampler = configuration.image_history if name == "image" else configuration.audio_history
        if size is None:
            return
        if name == "image":
            vision: nn.Module = ImageTransformer(size, configuration.t5.image_vit_patch_size**2 * 3, official)
        else:
            vision = AudioTransformer(size, configuration.t5.audio_vit_patch_size**2, official)
        if name in configuration.input_modalities:
            embedders[name] = Embedder(width)
            embedders[name].projection = Linear(2 * size.emb_dim, width, bias=False)
        if resampler is not None:
            embedders[f"{name}_history"] = history(size.emb_dim, width, resampler, official)
        owner = embedders.get(name) or embedders[f"{name}_history"]
        owner.image_encoder = Group()
        owner.image_encoder.vision_transformer = vision

    def _rotary_tables(self) -> dict[str, Rotary]:
        """Plain tensors in f32: a model built on the meta device must not lose them, and bf16 must not round them."""
        t5 = self.configuration.t5
        d = t5.head_dim
        # The release's 24² image cells are spread over the decoder's 32²; sounds use the same factor, a quirk to keep.
        resolution = math.sqrt(t5.decoder_max_image_length / t5.encoder_max_image_length)
        side = round(math.sqrt(t5.decoder_max_image_length))
        with torch.device("cpu"):
            tables = {
                "text": rotary_1d(t5.encoder_max_text_length, d),
                "image": rotary_2d(*self.grid("image"), d, resolution),
                "audio": rotary_2d(*self.grid("audio"), d, resolution),
                "target.text": rotary_1d(t5.decoder_max_text_length, d),
                "target.image": rotary_2d(side, side, d, 1.0),
                # Sixteen rows although the codes lie in 32 rows of 16: another quirk that the weights expect.
                "target.audio": rotary_2d(16, max(1, t5.decoder_max_audio_length // 16), d, 1.0),
            }
            for name in ("image_history", "audio_history"):
                size = getattr(self.configuration, name)
                if size is not None:
                    tables[name] = rotary_2d(size.max_frames, size.latents_size, d, 1.0)
        return tables

    def grid(self, modality: str) -> tuple[int, int]:
        """Rows and columns of patches of an input modality."""
        t5 = self.configuration.t5
        size = getattr(t5, f"default_{modality}_vit_size")
        patch = t5.image_vit_patch_size if modality.startswith("image") else t5.audio_vit_patch_size
        return size[0] // patch, size[1] // patch

    def rotary(self, table: str, positions: Tensor | int) -> Rotary:
        """Rows of a position table: the first ones, or those named by ``positions`` (any shape)."""
        cosine, sine = self._tables[table]
        device = self.text_token_embedder.weight.device
        if cosine.device != device and device.type != "meta":
            cosine, sine = self._tables[table] = (cosine.to(device), sine.to(device))
        longest = positions if isinstance(positions, int) else positions.shape[-1]
        if longest > len(cosine):
            message = f"expected at most {len(cosine)} tokens, found {longest}; shorten the input"
            raise TrainingError("position_out_of_range", table, message)
        if isinstance(positions, int):
            return cosine[:positions], sine[:positions]
        return cosine[positions], sine[positions]

    # Encoder

    def vision(self, modality: str) -> ImageTransformer | AudioTransformer:
        """The vision transformer of ``image`` or ``audio``."""
        for name in (modality, f"{modality}_history"):
            if name in self.input_embedders and hasattr(self.input_embedders[name], "image_encoder"):
                return cast(ImageTransformer, self.input_embedders[name].image_encoder.vision_transformer)
        raise TrainingError("unsupported_modality", modality, "this checkpoint does not read it")

    def embed_text(self, tokens: Tensor) -> Sequence:
        """Ids ``[b, n]``."""
        embedder = self.input_embedders["text"]
        embeddings = self.text_token_embedder(tokens) + embedder.modality_embedding
        return Sequence(embeddings, tokens != 0, self.rotary("text", tokens.shape[1]))

    def embed_patches(
        self, modality: str, patches: Patches, bias: Tensor | None = None, probe: Probe | None = None
    ) -> Sequence:
        """One picture or sound an example.

        Args:
            modality: ``image`` or ``audio``.
            patches: without a frame axis.
            bias: over patches, in place of the mask's (for exporters).
            probe: is shown the vision transformer's output.
        """
        embedder, values = self.input_embedders[modality], patches.values
        if bias is None:
            bias = key_bias(patches.mask)
        last, second = self.vision(modality)(values, self.grid(modality), bias, patches.positions)
        if probe is not None:
            probe(modality, last)
        embeddings = embedder.projection(torch.cat([last, second], dim=-1)) + embedder.modality_embedding
        mask = patches.mask
        if mask is None:
            mask = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        places = values.shape[1] if patches.positions is None else patches.positions
        return Sequence(embeddings, mask, self.rotary(modality, places))

    def embed_history(self, modality: str, patches: Patches, probe: Probe | None = None) -> Sequence:
        """Earlier frames of ``image`` or ``audio``: each becomes a few latents. Frames that show nothing cost nothing.

        ``probe`` is shown the vision transformer's output for the others, one after the other.
        """
        name = f"{modality}_history"
        embedder, (batch, frames) = self.input_embedders[name], patches.values.shape[:2]
        flat = patches.values.flatten(0, 1)
        mask = None if patches.mask is None else patches.mask.flatten(0, 1)
        positions = None if patches.positions is None else patches.positions.flatten(0, 1)
        shown = torch.ones(batch * frames, dtype=torch.bool, device=flat.device) if mask is None else mask.any(-1)
        is_whole = mask is None or bool(shown.all())
        if not is_whole:
            flat, mask = flat[shown], None if mask is None else mask[shown]
            positions = None if positions is None else positions[shown]
        bias = key_bias(mask)
        last, _ = self.vision(modality)(flat, self.grid(name), bias, positions)
        if probe is not None:
            probe(name, last)
        latents = embedder.post_projection(embedder.resampler.perceiver(embedder.pre_projection(last), bias))
        count = latents.shape[1]
        if not is_whole:
            places = shown.nonzero()[:, 0]
            latents = latents.new_zeros(batch * frames, *latents.shape[1:]).index_copy(0, places, latents)
        embeddings = (latents + embedder.modality_embedding).unflatten(0, (batch, frames)).flatten(1, 2)
        shown = shown.view(batch, frames).repeat_interleave(count, dim=1)
        return Sequence(embeddings, shown, self.rotary(name, frames * count))

    def embed_inputs(self, inputs: Inputs, probe: Probe | None = None) -> Sequence:
        """The encoder's sequence: text, image, image history, audio, audio history, as far as they are there.

        ``probe`` is shown the vision transformers' outputs, by modality.
        """
        parts = [self.embed_text(inputs.text)]
        for modality in ("image", "audio"):
            now, before = getattr(inputs, modality), getattr(inputs, f"{modality}_history")
            for patches, name in ((now, modality), (before, f"{modality}_history")):
                if patches is not None and name not in self.input_embedders:
                    raise TrainingError("unsupported_modality", name, "this checkpoint does not read it")
            if now is not None:
                parts.append(self.embed_patches(modality, now, probe=probe))
            if before is not None:
                parts.append(self.embed_history(modality, before, probe))
        return concatenate(parts)

    def encode_sequence(self, sequence: Sequence) -> Encoded:
        """The encoder on embedded inputs, which may be packed."""
        bias = attention_bias(sequence.mask, sequence.segments, sequence.segments)
        states = self.run_encoder(sequence.embeddings, sequence.rotary, bias)
        return Encoded(states, sequence.mask, sequence.rotary, sequence.segments)

    def run_encoder(self, x: Tensor, rotary: Rotary, bias: Tensor | None) -> Tensor:
        """Embeddings ``[b, s, D]`` and a bias over keys to encoder states."""
        for layer in self.encoder.layers():
            x = layer(x, rotary, bias)
        return cast(Tensor, self.encoder.encoder_norm(x))

    def encode(self, inputs: Inputs, probe: Probe | None = None) -> Encoded:
        """The encoder's view of a batch; ``probe`` as in ``embed_inputs``."""
        return self.encode_sequence(self.embed_inputs(inputs, probe))

    # Decoder

    def token_embedder(self, modality: str) -> nn.Embedding:
        """The embedding that is also the modality's output layer."""
        return cast(nn.Embedding, getattr(self, f"{modality}_token_embedder"))

    def embed_target(self, tokens: Tensor, modality: str = "text") -> Tensor:
        """Ids ``[b, t]`` to ``[b, t, D]``."""
        if modality not in self.target_embedders:
            raise TrainingError("unsupported_modality", modality, "this checkpoint does not write it")
        return self.token_embedder(modality)(tokens) + self.target_embedders[modality].modality_embedding

    def project_cross(self, states: Tensor, rotary: Rotary) -> list[KeyValue | None]:
        """Cross-attention's keys and values of every decoder layer, none for a layer without it."""
        return [
            layer.encoder_decoder_attention.project(states, rotary) if layer.has_cross_attention else None
            for layer in cast(list[DecoderLayer], self.decoder.layers())
        ]

    def decode(self, encoded: Encoded, target: Target, probe: Probe | None = None) -> Tensor:
        """The decoder's states ``[b, t, D]`` for a teacher-forced answer; ``logits`` makes scores of them.

        ``probe`` is shown every layer's output.
        """
        length = target.inputs.shape[1]
        x = self.embed_target(target.inputs, target.modality)
        places = length if target.positions is None else target.positions
        rotary = self.rotary(f"target.{target.modality}", places)
        visible = target.visible
        if visible is None:
            visible = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        if target.segments is not None:
            visible = visible & (target.segments[:, :, None] == target.segments[:, None])
        if target.mask is not None:
            visible = visible & target.mask[:, None]
        bias = as_bias(visible)
        cross_bias = attention_bias(encoded.mask, target.segments, encoded.segments)
        cross = self.project_cross(encoded.states, encoded.rotary)
        for index, layer in enumerate(cast(list[DecoderLayer], self.decoder.layers())):
            x, _ = layer(x, rotary, bias, cross[index], cross_bias)
            if probe is not None:
                probe(f"decoder_layer{index}", x)
        return x

    def decode_step(
        self,
        x: Tensor,
        rotary: Rotary,
        past: list[KeyValue] | None,
        cross: list[KeyValue | None],
        bias: Tensor | None,
        modality: str = "text",
    ) -> tuple[Tensor, list[KeyValue]]:
        """One embedded token ``[b, 1, D]`` to logits ``[b, V]`` and the longer cache."""
        cache = []
        for index, layer in enumerate(cast(list[DecoderLayer], self.decoder.layers())):
            x, entry = layer(x, rotary, None, cross[index], bias, None if past is None else past[index])
            cache.append(entry)
        return self.logits(x[:, 0], modality), cache

    def logits(self, states: Tensor, modality: str = "text") -> Tensor:
        """Decoder states ``[..., D]`` to logits ``[..., V]`` with the tied embedding."""
        normed = self.decoder.decoder_norm(states)
        return linear(normed, self.token_embedder(modality).weight) / self.configuration.t5.emb_dim**0.5

    # Pictures and sounds as ids

    def tokenizer(self, modality: str) -> ImageTokenizer | AudioTokenizer:
        """The tokeniser of ``image`` or ``audio`` targets."""
        embedder = self.target_embedders[modality] if modality in self.target_embedders else None
        if embedder is None or not hasattr(embedder, "vqgan"):
            message = "this checkpoint has no tokeniser for it; import it with its tokenisers"
            raise TrainingError("missing_tokenizer", modality, message)
        return cast(ImageTokenizer, embedder.vqgan)

    @torch.no_grad()
    def target_ids(self, modality: str, media: Tensor) -> Tensor:
        """What the decoder is to say for pictures ``[b, 3, h, w]`` (-1..1) or spectrograms ``[b, bands, steps]``."""
        tokenizer = self.tokenizer(modality)
        with torch.autocast(media.device.type, enabled=False):  # in bf16 other codes would be the nearest
            codes = tokenizer.codes(media)
        return FIRST_CODE + (tokenizer.sequence(codes) if isinstance(tokenizer, AudioTokenizer) else codes)

    @torch.no_grad()
    def media(self, modality: str, ids: Tensor) -> Tensor:
        """The inverse of ``target_ids``; ids beyond the codebook count as the nearest code."""
        tokenizer = self.tokenizer(modality)
        codes = (ids - FIRST_CODE).clamp(0, tokenizer.quantize.embedding.num_embeddings - 1)
        return tokenizer.decode(tokenizer.unsequence(codes) if isinstance(tokenizer, AudioTokenizer) else codes)


def shift_right(ids: Tensor) -> Tensor:
    """What the decoder is fed for the answer ``ids`` ``[b, t]``: 0, then all but the last."""
    return torch.cat([torch.zeros_like(ids[:, :1]), ids[:, :-1]], dim=1)
