"""Dynamic packing: examples share sequences after their masked tokens are dropped, without seeing one another.

As in the paper, embedded tokens are packed (a picture passes its vision transformer first), and attention is kept
within an example. What an example gives is the same, packed or not.
"""

from __future__ import annotations

from collections.abc import Sequence as List

import torch
from torch import Tensor

from ..model import Sequence


def pack_groups(
    input_lengths: List[int], target_lengths: List[int], input_limit: int, target_limit: int, most: int = 2
) -> list[list[int]]:
    """Examples that share a sequence: each joins the fullest group that still has room for it, longest first.

    Args:
        input_lengths, target_lengths: tokens of each example.
        input_limit, target_limit: tokens of a shared sequence; longer examples stay alone.
        most: examples of a group (the paper packs pairs).
    """
    order = sorted(range(len(input_lengths)), key=lambda i: -(input_lengths[i] + target_lengths[i]))
    groups: list[list[int]] = []
    sizes: list[tuple[int, int]] = []
    for index in order:
        fits = [
            number for number, (inputs, targets) in enumerate(sizes)
            if len(groups[number]) < most
            and inputs + input_lengths[index] <= input_limit
            and targets + target_lengths[index] <= target_limit
        ]  # fmt: skip
        if fits:
            number = max(fits, key=lambda number: sum(sizes[number]))
            groups[number].append(index)
            sizes[number] = (sizes[number][0] + input_lengths[index], sizes[number][1] + target_lengths[index])
        else:
            groups.append([index])
            sizes.append((input_lengths[index], target_lengths[index]))
    return groups


def pack_sequence(sequence: Sequence, groups: List[List[int]]) -> Sequence:
    """Embedded examples ``[b, s, D]`` as groups ``[g, s', D]``; segments are numbered by the example."""
    sequence = sequence.to_batch_rotary()
    kept = [row.nonzero()[:, 0] for row in sequence.mask]
    length = max(sum(len(kept[index]) for index in group) for group in groups)

    def packed(values: Tensor) -> Tensor:
        rows = []
        for group in groups:
            row = torch.cat([values[index, kept[index]] for index in group])
            padding = row.new_zeros(length - len(row), *row.shape[1:])
            rows.append(torch.cat([row, padding]))
        return torch.stack(rows)

    owners = torch.arange(len(kept), device=sequence.mask.device)[:, None].expand(sequence.mask.shape)
    mask = packed(sequence.mask)
    segments = packed(owners).masked_fill(~mask, -1)
    rotary = packed(sequence.rotary[0]), packed(sequence.rotary[1])
    return Sequence(packed(sequence.embeddings), mask, rotary, segments)


def pack_targets(targets: List[Tensor], groups: List[List[int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Answers (ids ``[t]``) of examples as groups.

    Returns:
        ids, what the decoder is fed, positions and segments (-1 for padding), each int64 ``[g, t']``.
    """
    length = max(sum(len(targets[index]) for index in group) for group in groups)
    ids = torch.zeros(len(groups), length, dtype=torch.long)
    inputs, positions, segments = torch.zeros_like(ids), torch.zeros_like(ids), torch.full_like(ids, -1)
    for row, group in enumerate(groups):
        place = 0
        for index in group:
            target = targets[index]
            span = slice(place, place + len(target))
            ids[row, span], segments[row, span] = target, index
            inputs[row, place + 1 : place + len(target)] = target[:-1]  # the first of each example is BOS
            positions[row, span] = torch.arange(len(target))
            place += len(target)
    return ids, inputs, positions, segments
