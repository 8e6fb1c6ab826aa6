"""How well faces were grouped by person: B-cubed precision, recall and F."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BCubed:
    """Means over all items, 0 … 1. `precision`: the share of an item's group that is of its class;
    `recall`: the share of its class that is in its group; the item itself counts in both.
    """

    precision: float
    recall: float
    items: int

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)

    def to_dict(self) -> dict[str, Any]:
        return {"f": self.f, **vars(self)}


def b_cubed(classes: Sequence[Hashable], groups: Sequence[Hashable]) -> BCubed:
    """B-cubed (Bagga and Baldwin 1998; Amigó et al. 2009) of the groups found, given the true classes.

    One entry an item in both; an item that is alone has a group of its own. Raises ValueError without items.
    """
    if not classes:
        raise ValueError("B-cubed needs at least one item")
    both = Counter(zip(classes, groups, strict=True))
    in_class, in_group = Counter(classes), Counter(groups)
    precision = sum(count * count / in_group[group] for (_, group), count in both.items())
    recall = sum(count * count / in_class[name] for (name, _), count in both.items())
    return BCubed(precision / len(classes), recall / len(classes), len(classes))
