"""Whether generated images can be told from real ones: a classifier two-sample test.

Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests" (arXiv:1610.06545).
"""

import warnings

import numpy as np

from jaxgan.errors import UserError

FOLDS = 4
_SIDE = 64  # larger images are averaged over blocks down to this side
_STRENGTH = 0.01  # of the classifier: the inverse of its regularisation
_ROUNDS = 50  # of its fit


def told_apart(generated: np.ndarray, real: np.ndarray, seed: int = 0) -> float:
    """Accuracy of a classifier that tells generated images from their real counterparts.

    It is a logistic regression on pixels and on the absolute differences of neighbours, which tell blur and noise. It is
    trained on three quarters of the pairs and asked about the last one, four times. Both images of a pair lie on the same
    side: otherwise it would know the one by the other. Where all pairs are equal it is right about exactly one of each.
    Generated images that are the reals of other pairs are told apart worse than by chance, for each is known from the other
    side.

    Args:
        generated: Floating point (N, H, W, C) in [-1, 1].
        real: The same, the counterpart of each.
        seed: Of the order of the pairs.

    Returns:
        A share in [0, 1]: 0.5 where nothing tells them apart, 1 where everything does.

    Raises:
        UserError: Fewer pairs than folds, or two shapes.
    """
    if generated.shape != real.shape or real.ndim != 4 or len(real) < FOLDS:
        raise UserError(
            f"two-sample test: images of {generated.shape} and {real.shape}; give {FOLDS} pairs (N, H, W, C) at least"
        )
    # scikit-learn takes a second to import, which nobody else should wait for.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    sides = [_what_it_sees(side) for side in (generated, real)]
    fold = np.random.default_rng(seed).permutation(len(real)) % FOLDS
    right = 0
    for index in range(FOLDS):
        train, test = (np.concatenate([side[chosen] for side in sides]) for chosen in (fold != index, fold == index))
        classifier = LogisticRegression(C=_STRENGTH, max_iter=_ROUNDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is given so many rounds, and no more
            classifier.fit(train, np.repeat([0, 1], len(train) // 2))
        right += int((classifier.predict(test) == np.repeat([0, 1], len(test) // 2)).sum())
    return right / (2 * len(real))


def _what_it_sees(images: np.ndarray) -> np.ndarray:
    """(N, F): pixels, and how much neighbours differ."""
    images = np.asarray(images, np.float32)
    factor = -(-max(images.shape[1:3]) // _SIDE)
    if factor > 1:
        height, width = (side // factor for side in images.shape[1:3])
        blocks = images[:, : height * factor, : width * factor]
        images = blocks.reshape(len(images), height, factor, width, factor, -1).mean(axis=(2, 4))
    parts = [images, *(np.abs(np.diff(images, axis=axis)) for axis in (1, 2))]
    return np.concatenate([part.reshape(len(images), -1) for part in parts], axis=1)
