"""Whether generated images can be told from real ones: a classifier two-sample test.

Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests" (arXiv:1610.06545).
"""

import warnings

import numpy as np

from jaxgan.errors import UserError

FOLDS = 4


def told_apart(generated: np.ndarray, real: np.ndarray, seed: int = 0) -> float:
    """Accuracy of a small classifier of pixels that tells generated images from their real counterparts.

    It is trained on three quarters of the pairs and asked about the last one, four times. Both images of a pair lie on the same
    side: otherwise it would know the one by the other. Where all pairs are equal it is right about exactly one of each.

    Args:
        generated: Floating point (N, ...), of any one shape.
        real: (N, ...), the counterpart of each.
        seed: Of the order of the pairs and of the classifier.

    Returns:
        A share in [0, 1]: 0.5 where nothing tells them apart, 1 where everything does.

    Raises:
        UserError: Fewer pairs than folds, or two shapes.
    """
    if generated.shape != real.shape or len(real) < FOLDS:
        raise UserError(
            f"two-sample test: images of {generated.shape} and {real.shape}; give {FOLDS} pairs of one shape at least"
        )
    # scikit-learn takes a second to import, which nobody else should wait for.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    sides = [np.asarray(side, np.float32).reshape(len(real), -1) for side in (generated, real)]
    fold = np.random.default_rng(seed).permutation(len(real)) % FOLDS
    right = 0.0
    for index in range(FOLDS):
        train, test = (np.concatenate([side[chosen] for side in sides]) for chosen in (fold != index, fold == index))
        network = MLPClassifier((64,), learning_rate_init=3e-3, batch_size=64, max_iter=40, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is given so many rounds, and no more
            network.fit(train, np.repeat([0, 1], len(train) // 2))
        right += float((network.predict(test) == np.repeat([0, 1], len(test) // 2)).sum())
    return right / (2 * len(real))
