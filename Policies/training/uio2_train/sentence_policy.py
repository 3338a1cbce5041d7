"""An exported policy that says sentences, in PyTorch: greedy under the grammar, what another runtime must match."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .data.samples import Canvas, prompt_text, squeeze_slot, stack_patches
from .data.speech import sound_patches
from .model import Inputs, load_model
from .model.sequences import attention_bias
from .sentence import SentenceTokens
from .tokenizer import Tokenizer


class SentencePolicy:
    """A bundle whose action space is ``pick_and_place``."""

    def __init__(self, bundle: Path) -> None:
        self.document = json.loads((bundle / "policy.json").read_text())
        self.tokenizer = Tokenizer.load(bundle / self.document["tokenizer"])
        self.model = load_model(bundle / self.document["model"]).eval()
        self.spelling = SentenceTokens(self.tokenizer, self.document["action_space"]["maximum_steps"])
        self._image = Canvas(self.model.configuration, "image")
        self._history = Canvas(self.model.configuration, "image_history")

    @torch.no_grad()
    def say(self, prompt: Sequence[str | np.ndarray], frame: np.ndarray, sound: np.ndarray | None = None) -> str:
        """The answer to words and pictures and what the camera sees, pictures uint8 ``[h, w, 3]``.

        A sound, int16 at 16 kHz, says the words: then the prompt is pictures alone.
        """
        words, pictures = [], []
        for part in prompt:
            if not isinstance(part, str):
                pictures.append(part)
            words.append(part if isinstance(part, str) else f"<image_history_{len(pictures)}>")
        text = prompt_text(self.document["prompt"]["template"], " ".join(words), np.zeros(0))
        ids = torch.tensor([self.tokenizer.prompt(text)])
        history = stack_patches([pictures], self._history, len(pictures)) if pictures else None
        image = squeeze_slot(stack_patches([[frame]], self._image, 1))
        seconds = self.document.get("audio", {}).get("maximum_duration_s", 0.0)
        audio = None if sound is None else sound_patches([sound], seconds)
        encoded = self.model.encode(Inputs(ids, image, history, audio))
        cross, bias = self.model.project_cross(encoded.states, encoded.rotary), attention_bias(encoded.mask)
        said: list[int] = []
        cache, token = None, torch.zeros(1, 1, dtype=torch.long)
        while (allowed := self.spelling.choices(said)) is not None:
            rotary = self.model.rotary("target.text", torch.tensor([len(said)]))
            logits, cache = self.model.decode_step(self.model.embed_target(token), rotary, cache, cross, bias)
            open_ids = torch.tensor(list(allowed))
            said.append(int(open_ids[logits[0, open_ids].argmax()]))
            token = torch.tensor([[said[-1]]])
        return self.tokenizer.decode(said[:-1])
