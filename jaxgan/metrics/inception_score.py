"""The Inception Score, streamed: no more than a sum for each split is kept.

Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section 4.
"""

import numpy as np
import scipy.special

from jaxgan.errors import UserError


class ScoreSums:
    """Sums of p(y | x) and of its negative entropy over ten splits of a known number of images.

    An image's split is drawn: images in the order of their classes would else make splits of few classes each. The draw is
    NumPy's `RandomState(2020).permutation(number)`, torch-fidelity's default, which no version of NumPy changes.

    Args:
        number: How many images there will be.
        splits: How many parts the score's deviation is taken over.

    Raises:
        UserError: Fewer images than splits.
    """

    def __init__(self, number: int, splits: int = 10) -> None:
        if number < splits:
            raise UserError(f"Inception Score: {number} images for {splits} splits; give at least one for each")
        # Split i holds the images at places i N / S up to (i + 1) N / S of the permutation.
        edges = np.arange(splits + 1) * number // splits
        self._split = np.empty(number, np.int64)
        self._split[np.random.RandomState(2020).permutation(number)] = np.repeat(np.arange(splits), np.diff(edges))
        self._probabilities: np.ndarray | None = None
        self._negative_entropy = np.zeros(splits)
        self._seen = 0

    def add(self, logits: np.ndarray) -> None:
        """Adds the next images' logits, (B, K), without the last layer's bias for a published score."""
        logs = scipy.special.log_softmax(np.asarray(logits, np.float64), axis=1)
        p = np.exp(logs)
        split = self._split[self._seen : self._seen + len(p)]
        if self._probabilities is None:
            self._probabilities = np.zeros((len(self._negative_entropy), p.shape[1]))
        np.add.at(self._probabilities, split, p)
        np.add.at(self._negative_entropy, split, (p * logs).sum(axis=1))
        self._seen += len(p)

    def result(self) -> tuple[float, float]:
        """Mean and deviation (divided by the number of splits) of the splits' scores; the mean is in [1, K].

        Raises:
            UserError: Not all images came.
        """
        if self._seen != len(self._split) or self._probabilities is None:
            raise UserError(f"Inception Score: {self._seen} of {len(self._split)} images came; add the rest")
        count = np.bincount(self._split)
        marginal = self._probabilities / count[:, None]
        # exp(E_x KL(p(y|x) || p(y))), where E_x KL = E_x sum_y p log p - sum_y p(y) log p(y)
        divergence = self._negative_entropy / count - scipy.special.xlogy(marginal, marginal).sum(axis=1)
        scores = np.exp(divergence)
        return float(scores.mean()), float(scores.std())


def inception_score(logits: np.ndarray, splits: int = 10) -> tuple[float, float]:
    """Mean and deviation of exp(E KL(p(y|x) || p(y))) over splits; see `ScoreSums`.

    Args:
        logits: (N, K), N >= splits.
        splits: How many.
    """
    sums = ScoreSums(len(logits), splits)
    sums.add(logits)
    return sums.result()
