"""The tasks: what lies on the table, what is asked for in words and pictures, and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .goals import Goal, Inside, Scenes, Swept
from .levels import LEVELS, Draw, Floor, generator
from .model import Thing
from .moves import X_RANGE, Pose


@dataclass(frozen=True)
class Pictured:
    """A picture in a prompt: one thing, or several things where they should be."""

    thing: int | None = None
    scene: tuple[tuple[int, Pose], ...] = ()


@dataclass
class Episode:
    """Where an episode begins and where it should lead."""

    things: list[Thing]
    poses: dict[int, Pose]
    prompt: tuple[str | Pictured, ...]
    goal: Goal


@dataclass(frozen=True)
class Family:
    """A kind of task."""

    name: str
    summary: str
    """What is asked for, without its pictures."""
    moves: int
    """That the oracle needs, at most."""
    make: Callable[[Draw], Episode | None]
    """``None``: these draws do not fit on the table."""


class _Builder:
    """Collects the things of an episode and finds places for them."""

    def __init__(self, draw: Draw) -> None:
        self.things: list[Thing] = []
        self.poses: dict[int, Pose] = {}
        self.floor = Floor(draw.random)
        self.is_full = False

    def add(self, thing: Thing) -> int:
        """Adds a thing, in a free place where it is on the table; returns its index."""
        if thing.on_table:
            pose = self.floor.place(thing.radius)
            if pose is None:
                self.is_full = True
                pose = Pose(0.5, 0.0)
            self.poses[len(self.things)] = pose
        self.things.append(thing)
        return len(self.things) - 1

    def add_at(self, thing: Thing, pose: Pose) -> int:
        """Adds a thing at a place; returns its index."""
        self.poses[len(self.things)] = pose
        self.things.append(thing)
        return len(self.things) - 1

    def target(self, index: int) -> Pose:
        """A free place that a thing could be brought to as it is turned now."""
        pose = self.floor.place(self.things[index].radius, self.poses[index].rotation)
        self.is_full |= pose is None
        return pose or Pose(0.5, 0.0)

    def episode(self, prompt: list[str | Pictured], goal: Goal) -> Episode | None:
        return None if self.is_full else Episode(self.things, self.poses, tuple(prompt), goal)


def fill(sentence: str, pictures: Mapping[str, Pictured]) -> list[str | Pictured]:
    """A sentence with ``{name}`` in it as words and pictures in order."""
    parts: list[str | Pictured] = []
    rest = sentence
    while rest:
        before, brace, after = rest.partition("{")
        if before.strip():
            parts.append(before.strip())
        if not brace:
            break
        name, _, rest = after.partition("}")
        parts.append(pictures[name])
    return parts


def _put_into(draw: Draw) -> Episode | None:
    build = _Builder(draw)
    dish = build.add(draw.thing("container"))
    target = build.add(draw.thing("movable"))
    build.add(draw.thing("movable", _is_none_of([build.things[target]])))
    build.add(draw.thing("container", _is_none_of([build.things[dish]])))
    sentence = draw.one_of(
        ("Put the {thing} into the {dish} .", "The {thing} belongs in the {dish} .", "Lay the {thing} in the {dish} .")
    )
    prompt = fill(sentence, {"thing": Pictured(target), "dish": Pictured(dish)})
    return build.episode(prompt, Inside([target], dish))


_ANGLES = (30, 45, 60, 90, 120, 150)


def _rotate(draw: Draw) -> Episode | None:
    build = _Builder(draw)
    # One that looks the same after a third of a turn would leave open how far it was turned.
    target = build.add(draw.thing("movable", lambda shape, _: Thing(shape, "red").form.fold == 1))
    for _ in range(2):
        build.add(draw.thing("movable", _is_none_of([build.things[target]])))
    degrees = int(draw.random.choice(_ANGLES))
    is_left = bool(draw.random.integers(2))
    way = "anticlockwise" if is_left else "clockwise"
    now = build.poses[target]
    turned = replace(now, rotation=now.rotation + np.radians(degrees if is_left else -degrees))
    sentence = draw.one_of(
        (
            f"Turn the {{thing}} {way} by {degrees} degrees .",
            f"Give the {{thing}} a turn of {degrees} degrees {way} .",
        )
    )
    # It is turned about its middle, or near enough.
    return build.episode(fill(sentence, {"thing": Pictured(target)}), Scenes([{target: turned}]))


def _is_none_of(things: Sequence[Thing]) -> Callable[[str, str], bool]:
    known = {(thing.shape, thing.texture) for thing in things}
    return lambda shape, texture: (shape, texture) not in known


def _movables(build: _Builder, draw: Draw, count: int) -> list[int]:
    """Things that differ from one another."""
    found: list[int] = []
    for _ in range(count):
        found.append(build.add(draw.thing("movable", _is_none_of([build.things[index] for index in found]))))
    return found


def _rebuild(draw: Draw, *, restores: bool = False) -> Episode | None:
    build = _Builder(draw)
    chosen = _movables(build, draw, 2 + int(draw.random.integers(2)))
    moved = chosen[:2]
    goal = {index: build.target(index) for index in moved}
    shown = Pictured(scene=tuple(goal.items()))
    if restores:
        sentence = draw.one_of(
            (
                "Rebuild this scene: {scene} Then put everything back as it was .",
                "Make the table look like {scene} and afterwards undo it .",
            )
        )
        scenes = [goal, {index: build.poses[index] for index in moved}]
    else:
        sentence = draw.one_of(("Rebuild this scene: {scene} .", "Make the table look like {scene} ."))
        scenes = [goal]
    return build.episode(fill(sentence, {"scene": shown}), Scenes(scenes))


def _restore(draw: Draw) -> Episode | None:
    return _rebuild(draw, restores=True)


def _follow(draw: Draw) -> Episode | None:
    build = _Builder(draw)
    chosen = _movables(build, draw, 2)
    count = 2 + int(draw.random.integers(2))
    scenes, now = [], {index: build.poses[index] for index in chosen}
    for _ in range(count):
        index = chosen[draw.random.integers(len(chosen))]
        now = {**now, index: build.target(index)}
        scenes.append(now)
    names = [f"s{number}" for number in range(count)]
    opening = draw.one_of(("Follow these scenes in order:", "Do what these pictures show, one after the other:"))
    sentence = f"{opening} {' '.join(f'{{{name}}}' for name in names)} ."
    pictures = {name: Pictured(scene=tuple(scene.items())) for name, scene in zip(names, scenes, strict=True)}
    return build.episode(fill(sentence, pictures), Scenes(scenes))


def _same(draw: Draw, *, by_shape: bool) -> Episode | None:
    build = _Builder(draw)
    dish = build.add(draw.thing("container", lambda shape, _: Thing(shape, "red").form.inner != (), scale=1.2))
    shown = draw.thing("movable", on_table=False)

    def matches(shape: str, texture: str) -> bool:
        same, other = (shape == shown.shape, texture == shown.texture)[:: 1 if by_shape else -1]
        return same and not other

    wanted = [build.add(draw.thing("movable", matches)) for _ in range(1 + int(draw.random.integers(2)))]
    for _ in range(2):
        build.add(draw.thing("movable", lambda shape, texture: shape != shown.shape and texture != shown.texture))
    pictured = build.add(shown)
    what = "shape" if by_shape else "colours"
    sentence = draw.one_of(
        (
            f"Put everything of the same {what} as {{thing}} into the {{dish}} .",
            f"Whatever has the {what} of {{thing}} goes into the {{dish}} .",
        )
    )
    prompt = fill(sentence, {"thing": Pictured(pictured), "dish": Pictured(dish)})
    return build.episode(prompt, Inside(wanted, dish))


def _same_shape(draw: Draw) -> Episode | None:
    return _same(draw, by_shape=True)


def _same_colours(draw: Draw) -> Episode | None:
    return _same(draw, by_shape=False)


def _new_noun(draw: Draw) -> Episode | None:
    episode = _put_into(draw)
    if episode is None:
        return None
    one, other = draw.nouns(2)
    pictures = {"thing": Pictured(1), "dish": Pictured(0)}
    introduction = [f"This is a {one}: {{thing}} .", f"This is a {other}: {{dish}} ."]
    if draw.random.integers(2):
        introduction.reverse()
    request = draw.one_of((f"Put the {one} into the {other} .", f"Now the {one} belongs in the {other} ."))
    episode.prompt = tuple(fill(" ".join([*introduction, request]), pictures))
    return episode


_SLOT = 0.066
"""Metres between two things that wait to be swept: the blade takes one at a time."""
_COUNTS = {1: "one", 2: "two", 3: "all"}


def _sweep(draw: Draw) -> Episode | None:
    build, random = _Builder(draw), draw.random
    kind = draw.thing("movable", lambda shape, _: shape not in ("tower", "ring"), scale=0.45)
    other = draw.thing(
        "movable",
        lambda shape, texture: texture != kind.texture and shape not in (kind.shape, "tower", "ring"),
        scale=0.45,
    )
    mat = draw.thing("mark", lambda shape, texture: shape == "mat" and texture not in (kind.texture, other.texture))
    line = draw.thing("mark", lambda shape, texture: shape == "line" and texture != mat.texture)
    way = int(random.integers(4)) * np.pi / 2
    # Rows of slots, then the mat, then the line, along the way; the whole fits into the picture.
    middle = np.array([sum(X_RANGE) / 2, 0.0])
    is_along_y = way in (np.pi / 2, 3 * np.pi / 2)
    middle += random.uniform(-1, 1, 2) * ([0.06, 0.18] if is_along_y else [0.005, 0.26])
    frame = Pose(float(middle[0]), float(middle[1]), way)
    first = build.add_at(mat, Pose(*frame.point((0.04, 0.0)), way))
    second = build.add_at(line, Pose(*frame.point((0.04 + 0.055 + 0.035, 0.0)), way))
    slots = (random.permutation(5) - 2) * _SLOT
    members: dict[bool, list[int]] = {True: [], False: []}
    for slot, is_kind in zip(slots, [True] * 3 + [False] * 2, strict=True):
        place = frame.point((-0.145 + random.uniform(-0.015, 0.015), slot + random.uniform(-0.004, 0.004)))
        turned = Pose(float(place[0]), float(place[1]), float(random.uniform(0, 2 * np.pi)))
        members[is_kind].append(build.add_at(kind if is_kind else other, turned))
    count = 1 + int(random.integers(3))
    sentence = draw.one_of(
        (
            f"Sweep {_COUNTS[count]} {{thing}} onto the {{mat}} without crossing the {{line}} .",
            f"Push {_COUNTS[count]} of these {{thing}} onto {{mat}} but not over the {{line}} .",
        )
    )
    pictures = {"thing": Pictured(members[True][0]), "mat": Pictured(first), "line": Pictured(second)}
    goal = Swept(members[True], members[False], count, first, second)
    return build.episode(fill(sentence, pictures), goal)


FAMILIES = {
    family.name: family
    for family in (
        Family("put-into", "Put the pictured thing into the pictured container.", 1, _put_into),
        Family("rotate", "Turn the pictured thing by an angle.", 1, _rotate),
        Family("rebuild", "Rebuild the pictured scene.", 2, _rebuild),
        Family("rebuild-restore", "Rebuild the pictured scene, then put everything back as it was.", 4, _restore),
        Family("follow", "Follow the pictured scenes in order.", 3, _follow),
        Family("same-shape", "Put everything of the pictured shape into the pictured container.", 2, _same_shape),
        Family("same-colour", "Put everything of the pictured colours into the pictured dish.", 2, _same_colours),
        Family("new-noun", "Put a thing into a container, both by nouns that pictures explain.", 1, _new_noun),
        Family("sweep", "Sweep so many of the pictured things onto the mat without crossing the line.", 3, _sweep),
    )
}

TASKS = {
    f"{family.name}-{level}": family.summary for level in LEVELS for family in FAMILIES.values()
}
"""Names, family and level, with what is asked for."""


def parse(task: str) -> tuple[Family, str]:
    """The family and the level of a name of ``TASKS``."""
    family, _, level = task.rpartition("-")
    return FAMILIES[family], level


def episode(family: Family, level: str, seed: int) -> Episode:
    """The episode of a seed, which depends on nothing else."""
    draw = Draw(generator(family.name, level, seed), level)
    while True:
        # Draws that do not fit on the table are drawn again.
        made = family.make(draw)
        if made is not None:
            return made


__all__ = ["FAMILIES", "LEVELS", "TASKS", "Episode", "Family", "Pictured", "episode", "fill", "parse"]
