"""What super-resolution is measured by while a game trains: held-out pictures, made small and enlarged again, whole."""

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import DataError, Source, evenly, make_source
from jaxgan.data.transform import bicubic
from jaxgan.errors import UserError
from jaxgan.metrics import wasserstein_1d
from jaxgan.metrics.image_quality import SMALLEST, luma, psnr, ssim
from jaxgan.pictures import from_uint8, to_uint8


def super_resolution(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How near enlarged pictures are to the true ones, beside the same small pictures enlarged by the bicubic filter.

    On the Y channel, without a border of as many pixels as the factor: "psnr" and "ssim", means over pictures, and "psnr_gain"
    and "ssim_gain", what they exceed those of the bicubic filter by. "sharpness" is the energy of the differences of
    neighbouring pixels as a share of the true pictures', "sharpness_bicubic" that of the filter's; "detail" how far the
    distribution of these differences' magnitudes is from the true one (Wasserstein), as a share of the filter's distance.

    Raises:
        UserError: All pictures are too small.
    """
    factor, held_out = config.data.scale_factor, _held_out(config, source)
    rows, steps = [], []
    for index in evenly(config.evaluate_samples, len(held_out)):
        whole = held_out[index]["image"]
        height, width = (side // factor * factor for side in whole.shape[:2])
        if min(height, width) < SMALLEST + 2 * factor:
            continue
        true = whole[:height, :width]
        small = bicubic(true, (height // factor, width // factor))
        filtered = bicubic(small, (height, width))
        made = to_uint8(snapshot.use("upscale", key, images=from_uint8(small[None])))[0]
        rows.append([f(one[None], true[None], factor)[0] for one in (made, filtered) for f in (psnr, ssim)])
        steps.append([_steps(image, factor) for image in (made, true, filtered)])
    if not rows:
        least = SMALLEST + 2 * factor
        raise UserError(f"super_resolution: no held-out picture of {held_out.name} has {least}x{least} pixels")
    psnr_made, ssim_made, psnr_bicubic, ssim_bicubic = np.mean(rows, axis=0)
    made, true, filtered = (np.concatenate(each) for each in zip(*steps, strict=True))
    return {
        "psnr": float(psnr_made),
        "ssim": float(ssim_made),
        "psnr_gain": float(psnr_made - psnr_bicubic),
        "ssim_gain": float(ssim_made - ssim_bicubic),
        "sharpness": float(np.square(made).mean() / np.square(true).mean()),
        "sharpness_bicubic": float(np.square(filtered).mean() / np.square(true).mean()),
        "detail": wasserstein_1d(made, true) / wasserstein_1d(filtered, true),
    }


def _steps(image: np.ndarray, border: int) -> np.ndarray:
    """Magnitudes of the differences of neighbouring pixels of Y, (N,), without the border."""
    y = luma(image[None])[0, border:-border, border:-border, 0]
    return np.hypot(np.diff(y, axis=0)[:, :-1], np.diff(y, axis=1)[:-1]).ravel()


def _held_out(config: ConfigDict, source: Source) -> Source:
    """The test split's pictures, each at its own size, with the channels of the training data."""
    own = {"image_size": None, "load_size": None, "resize": "cover", "crop": "centre"}
    plain = {"flip": False, "dequantize": False, "scale_factor": 1, "channels": source.arrays["image"].shape[-1]}
    return make_source(config.data, split="test", **own, **plain)


def needs_enlargement(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must enlarge, and there must be pictures that were held out."""
    if "upscale" not in compiled.game.abilities:
        return "the game does not enlarge images"
    try:
        _held_out(config, source)
    except DataError as error:
        return f"there are no held-out pictures: {error}"
    return ""
