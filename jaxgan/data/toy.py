"""Toy densities on the plane and on the line: fixed samples of mixtures whose modes are known."""

import numpy as np

from jaxgan.data.errors import DataError
from jaxgan.data.sources import ArraySource

SAMPLES = 100_000  # of a split; PacGAN's number (Lin et al. 2018)


class ToyDensity(ArraySource):
    """Samples of a mixture of equal isotropic Gaussians; "label" is the mode.

    Attributes:
        centres: (K, D) float64, the modes.
        standard_deviation: Of every mode, along every axis.
    """

    def __init__(self, name: str, centres: np.ndarray, standard_deviation: float, split: str, scale: float) -> None:
        if split not in ("train", "test"):
            raise DataError(f"data.split={split!r} is unknown to {name}; choose 'train' or 'test'")
        self.centres, self.standard_deviation = centres * scale, standard_deviation * scale
        generator = np.random.default_rng(("train", "test").index(split))
        label = generator.integers(len(centres), size=SAMPLES).astype(np.int32)
        noise = generator.standard_normal((SAMPLES, centres.shape[1]))
        points = self.centres[label] + self.standard_deviation * noise
        super().__init__(name, {"image": points.astype(np.float32), "label": label}, len(centres))


def ring8(split: str, scale: float) -> ToyDensity:
    """Eight modes on a circle of radius 2, deviation 0.02 (Metz et al. 2017, Unrolled GANs, appendix)."""
    # endpoint=False: with it, as in the widespread script, the first and last of eight modes would be the same.
    angles = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
    return ToyDensity("ring8", 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.02, split, scale)


def grid25(split: str, scale: float) -> ToyDensity:
    """Twenty-five modes at {-4, -2, 0, 2, 4}^2, deviation 0.05 (Srivastava et al. 2017, VEEGAN)."""
    ticks = np.linspace(-4.0, 4.0, 5)
    centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(25, 2)
    return ToyDensity("grid25", centres, 0.05, split, scale)


def gaussian1d(split: str, scale: float) -> ToyDensity:
    """A normal density with mean 4 and deviation 1.25."""
    return ToyDensity("gaussian1d", np.array([[4.0]]), 1.25, split, scale)
