"""What can be measured of light strokes on a dark ground without a network: how much ink, how wide, how slanted."""

import numpy as np


def stroke_properties(images: np.ndarray) -> dict[str, np.ndarray]:
    """Properties of images of one object each, float64 (B,) by name.

    "weight" is the mean ink; of the ink as a distribution of mass over the image, "width" is the deviation across, and "slant"
    the regression of the place across on the place upwards: above 0 for strokes that lean to the right. An empty image has 0s.

    Args:
        images: (B, H, W, C) in [-1, 1], ink light; channels are averaged.
    """
    ink = (np.asarray(images, np.float64).mean(axis=3) + 1) / 2
    mass = ink.sum(axis=(1, 2))
    share = ink / np.maximum(mass, 1e-9)[:, None, None]
    down, across = (axis[None].astype(np.float64) for axis in np.mgrid[: ink.shape[1], : ink.shape[2]])
    mean = lambda values: (share * values).sum(axis=(1, 2))  # noqa: E731
    up, right = -(down - mean(down)[:, None, None]), across - mean(across)[:, None, None]
    return {
        "weight": ink.mean(axis=(1, 2)),
        "width": np.sqrt(mean(right**2)),
        "slant": mean(up * right) / np.maximum(mean(up**2), 1e-9),
    }
