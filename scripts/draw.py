"""Draws of numbers for the data of the examples.

Only `random.Random.random` is drawn from, whose stream Python keeps stable, so that the same seed gives the same bytes
on every machine.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence


class Draw:
    """Draws by one stream of uniform numbers."""

    def __init__(self, seed: int) -> None:
        self._uniform = random.Random(seed).random

    def happens(self, probability: float) -> bool:
        return self._uniform() < probability

    def whole(self, low: int, high: int) -> int:
        return low + int(self._uniform() * (high - low + 1))

    def bell(self, mean: float, spread: float) -> float:
        """About normal: the sum of four uniform numbers, scaled to `mean` and standard deviation `spread`."""
        return mean + spread * (sum(self._uniform() for _ in range(4)) - 2) * math.sqrt(3)

    def weighted(self, weights: Mapping[str, int]) -> str:
        return tuple(weights)[self.index(tuple(weights.values()))]

    def index(self, weights: Sequence[int]) -> int:
        left = self._uniform() * sum(weights)
        for i, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return i
        return len(weights) - 1
