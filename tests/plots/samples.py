"""Made-up scores: a few hundred comparisons and searches of normally distributed scores."""

from pathlib import Path

import numpy as np

from facekit.evaluation.scores import IdentificationScores, VerificationScores


def pairs(mated: int = 200, non_mated: int = 600, failed: int = 3, seed: int = 0) -> VerificationScores:
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.normal(0.6, 0.15, mated), random.normal(0.05, 0.12, non_mated)])
    scores = np.clip(scores, -1, 1)
    scores[:failed] = -np.inf
    names = [f"{kind}/{number}.png" for kind in "ab" for number in range(mated + non_mated)]
    return VerificationScores(
        tuple(names[: len(scores)]), tuple(names[len(scores) :]), np.arange(len(scores)) < mated, scores
    )


def searches(each: int = 100, splits: int = 2, subjects: int = 10, seed: int = 0) -> IdentificationScores:
    """In each split `each` mated and `each` non-mated searches, of which three in all have no face."""
    random = np.random.default_rng(seed)
    count = 2 * each * splits
    mated = np.tile(np.arange(2 * each) < each, splits)
    right = random.uniform(size=count) < 0.9
    top = np.where(mated & right, random.normal(0.65, 0.1, count), random.normal(0.3, 0.06, count))
    ranks = np.where(mated, np.where(right, 1, random.integers(2, subjects, count)), 0)
    own = np.where(mated, np.where(right, top, top - 0.1), -np.inf)
    top[:3], own[:3], ranks[:3] = -np.inf, -np.inf, 0
    return IdentificationScores(
        np.repeat(np.arange(splits), 2 * each),
        tuple(f"p{number % (2 * each)}.png" for number in range(count)),
        tuple(f"s{number % subjects}" if is_mated else "" for number, is_mated in enumerate(mated)),
        tuple(f"s{number % subjects}" for number in range(count)),
        top,
        own,
        ranks,
        np.full(count, subjects),
    )


def people(folder: Path, faces: dict[str, list[str]]) -> Path:
    """A folder with a sub-folder for each person and pictures of colored squares."""
    from fakes import photo

    for person, colors in faces.items():
        for number, color in enumerate(colors):
            photo(folder / person / f"{number}.png", color, seed=number)
    return folder
