"""Cuts of a tour's programme: what each says, and those a fractional tour breaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridmap.domain.routes.problem import Ints
from gridmap.domain.routes.separation import blossoms, pieces, tight_sets, weak_cuts

CUTS = 60  # of one kind in one round
EPS = 1e-6
BROKEN = 1e-2  # by how much a comb must be broken to be worth a row
SIZES = (2, 3, 4, 6, 9, 13, 20, 30)  # largest sets drawn together, one after another

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """x(border of inside) + x(borders of sets) - 2 x(teeth) >= right.

    Without teeth and sets every tour enters and leaves ``inside``: 2. A tooth that is a link says what the set of its
    two ends would say. Sets are disjoint, part of each lies inside and part outside; sets and teeth are odd in number:
    then it is a comb, at least 3 t + 1 borders crossed.
    """

    inside: Bools
    teeth: tuple[int, ...] = ()
    sets: tuple[Bools, ...] = ()

    @property
    def right(self) -> int:
        """Return what the left side is at least, in every tour."""
        return 1 - len(self.teeth) + 3 * len(self.sets) if self.teeth or self.sets else 2

    def crossings(self, tail: Ints, head: Ints) -> Ints:
        """Return how many of the borders each link crosses."""
        count: Ints = (self.inside[tail] != self.inside[head]).astype(np.int64)
        for side in self.sets:
            count += side[tail] != side[head]
        return count


@dataclass(frozen=True)
class Fractional:
    """A solution of the programme: the links used, their columns and values, over n places."""

    n: int
    column: Ints
    tail: Ints
    head: Ints
    value: Floats

    def whole(self) -> bool:
        """Tell whether every link is taken or not."""
        return not ((self.value > EPS) & (self.value < 1 - EPS)).any()

    def loose(self) -> list[Cut]:
        """Return cuts between pieces that are not joined."""
        label = np.empty(self.n, dtype=np.int64)
        count = pieces(self.n, self.tail, self.head, self.value, EPS, 2.0, label)
        return [Cut(label == c) for c in range(count if count > 2 else count - 1)]

    def weak(self) -> list[Cut]:
        """Return cuts of sets that less than two links join to the rest."""
        sides = np.empty((CUTS, self.n), dtype=np.bool_)
        return [Cut(side.copy()) for side in sides[: weak_cuts(self.n, self.tail, self.head, self.value, sides)]]

    def blossoming(self) -> list[Cut]:
        """Return broken blossoms."""
        handles, teeth = _blossoms(self.n, self.tail, self.head, self.value)
        return [Cut(h, tuple(self.column[t].tolist())) for h, t in zip(handles, teeth, strict=True)]

    def combs(self) -> list[Cut]:
        """Return broken combs: blossoms among tight sets drawn together, the smallest first."""
        family = _nested(self.n, self.tail, self.head, self.value)
        found: list[Cut] = []
        before = self.n
        for size in SIZES:
            label = np.arange(self.n)
            for side in (s for s in family if s.sum() <= size):
                label[side] = self.n + int(np.flatnonzero(side)[0])
            names, label = np.unique(label, return_inverse=True)
            if len(names) < before:
                before = len(names)
                found += self._drawn_together(label.astype(np.int64), len(names))
            if len(found) >= CUTS:
                break
        return found

    def _drawn_together(self, label: Ints, count: int) -> list[Cut]:
        """Return the combs that are blossoms when places of the same label are one."""
        a, b = np.minimum(label[self.tail], label[self.head]), np.maximum(label[self.tail], label[self.head])
        apart = a != b
        keys, at = np.unique(a[apart] * count + b[apart], return_inverse=True)
        value = np.minimum(np.bincount(at, self.value[apart], minlength=len(keys)), 1.0)
        tail, head = keys // count, keys % count
        handles, all_teeth = _blossoms(count, tail, head, value)
        combs = [self._comb(label, h, tail[t], head[t]) for h, t in zip(handles, all_teeth, strict=True)]
        return [comb for comb in combs if comb is not None]

    def _comb(self, label: Ints, handle: Bools, tail: Ints, head: Ints) -> Cut | None:
        """Return the comb of a handle and teeth over labels, where it is one and broken.

        Two teeth that share a label go, and the label changes sides: the others stay odd in number.
        """
        handle = handle.copy()
        pairs = list(zip(tail.tolist(), head.tolist(), strict=True))
        i = 0
        while i < len(pairs):
            other = next((p for p in pairs[:i] if set(p) & set(pairs[i])), None)
            if other is None:
                i += 1
                continue
            shared = next(iter(set(other) & set(pairs[i])))
            handle[shared] = not handle[shared]
            pairs = [p for k, p in enumerate(pairs) if k != i and p is not other]
            i = 0
        if len(pairs) < 3 or any(handle[a] == handle[b] for a, b in pairs):
            return None
        cut = Cut(handle[label], (), tuple((label == a) | (label == b) for a, b in pairs))
        return cut if float(cut.crossings(self.tail, self.head) @ self.value) < cut.right - BROKEN else None


def _blossoms(n: int, tail: Ints, head: Ints, value: Floats) -> tuple[list[Bools], list[Bools]]:
    """Return handles and teeth of broken blossoms of a graph."""
    handles, teeth = np.empty((CUTS, n), np.bool_), np.empty((CUTS, len(tail)), np.bool_)
    found = blossoms(n, tail, head, value, handles, teeth)
    return [h.copy() for h in handles[:found]], [t.copy() for t in teeth[:found]]


def _nested(n: int, tail: Ints, head: Ints, value: Floats) -> list[Bools]:
    """Return tight sets of which any two are apart or one within the other, the smallest first."""
    room = np.empty((n * n // 2, n), dtype=np.bool_)
    sets = np.unique(room[: tight_sets(n, tail, head, value, room)], axis=0)
    size = sets.sum(axis=1)
    kept: list[Bools] = []
    for side in sets[np.argsort(size, kind="stable")]:
        if all(not (meets := side & other).any() or np.array_equal(meets, other) for other in kept):
            kept.append(side)
    return kept
