"""Toy densities on the plane and on the line: fixed samples of mixtures whose modes are known."""

import numpy as np

from jaxgan.data.errors import DataError
from jaxgan.data.sources import ArraySource
from jaxgan.data.specs import label_spec, numbered

SAMPLES = 100_000  # of a split; PacGAN's number (Lin et al. 2018)


class ToyDensity(ArraySource):
    """Samples of a mixture of equal isotropic Gaussians: float32 "image" (D,), and "label", the mode, called "0", "1" ...

    Args:
        name: What the source is called in messages.
        centres: (K, D) float64, the modes, before they are scaled.
        standard_deviation: Of every mode, before it is scaled.
        split: "train" or "test".
        scale: What centres and deviation are multiplied by.

    Attributes:
        centres: (K, D) float64, the modes.
        standard_deviation: Of every mode, along every axis.
        mean: (D,) float64, of the whole density.
        spread: (D,) float64, the standard deviation of the whole density along each axis.

    Raises:
        DataError: Another split.
    """

    def __init__(self, name: str, centres: np.ndarray, standard_deviation: float, split: str, scale: float) -> None:
        if split not in ("train", "test"):
            raise DataError(f"data.split={split!r} is unknown to {name}; choose 'train' or 'test'")
        self.centres, self.standard_deviation = centres * scale, standard_deviation * scale
        self.mean = self.centres.mean(axis=0)
        # The variance of a mixture is that within its modes and that of their centres.
        self.spread = np.sqrt(self.standard_deviation**2 + self.centres.var(axis=0))
        generator = np.random.default_rng(("train", "test").index(split))
        label = generator.integers(len(centres), size=SAMPLES).astype(np.int32)
        noise = generator.standard_normal((SAMPLES, centres.shape[1]))
        points = self.centres[label] + self.standard_deviation * noise
        super().__init__(
            name,
            {"image": points, "label": label},
            {"label": label_spec(numbered(len(centres)))},
            metrics=("density1d",) if centres.shape[1] == 1 else ("modes",),
        )


def ring8(split: str, scale: float) -> ToyDensity:
    """Eight modes on a circle of radius 2, deviation 0.02 (Metz et al. 2017, Unrolled GANs, appendix).

    Half of it, radius 1 and deviation 0.01, is PacGAN's; WGAN-GP's is 1/1.414 of it.
    """
    # endpoint=False: with it, as in the widespread script, the first and last of eight modes would be the same.
    angles = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
    return ToyDensity("ring8", 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.02, split, scale)


def grid25(split: str, scale: float) -> ToyDensity:
    """Twenty-five modes at {-4, -2, 0, 2, 4}^2, deviation 0.05 (Srivastava et al. 2017, VEEGAN).

    WGAN-GP's is 1/2.828 of it.
    """
    ticks = np.linspace(-4.0, 4.0, 5)
    centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(25, 2)
    return ToyDensity("grid25", centres, 0.05, split, scale)


def gaussian1d(split: str, scale: float) -> ToyDensity:
    """A normal density with mean 4 and deviation 1.25."""
    return ToyDensity("gaussian1d", np.array([[4.0]]), 1.25, split, scale)


def mixture1d(split: str, scale: float) -> ToyDensity:
    """Two modes at 2 and 6, deviation 0.5: what a single Gaussian fits differently under each divergence.

    An experiment like the univariate one of f-GAN (Nowozin et al. 2016, arXiv:1606.00709). The Gaussian that is nearest
    by KL(data || model) covers both modes: it has their mean 4 and their deviation sqrt(0.5^2 + 2^2) = 2.06. The nearest
    by KL(model || data) is one of the modes; the one in the middle, of deviation 1.74, is a local minimum of that, so a
    model should start on one side, as near 0.
    """
    return ToyDensity("mixture1d", np.array([[2.0], [6.0]]), 0.5, split, scale)
