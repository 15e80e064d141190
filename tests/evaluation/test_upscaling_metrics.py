"""How super-resolution is measured: the filter against itself, and against what is known of it."""

import jax
import numpy as np
import pytest

from jaxgan.config import default
from jaxgan.data import make_source
from jaxgan.data.transform import bicubic
from jaxgan.evaluation.upscaling_metrics import super_resolution


class Enlarger:
    """In the place of a trained game: enlarges by a function of uint8 (H, W, C)."""

    def __init__(self, function):
        self.function = function

    def use(self, ability, key, images):
        pixels = np.round((images + 1) * 127.5).astype(np.uint8)
        return np.stack([self.function(one) for one in pixels]).astype(np.float32) / 127.5 - 1


def measured(function):
    config = default()
    config.data.update({"name": "photos", "path": "flower", "scale_factor": 2, "image_size": 24, "crop": "random"})
    return super_resolution(Enlarger(function), make_source(config.data), config, jax.random.key(0))


@pytest.fixture(scope="module")
def whole():
    return make_source("photos", path="flower", split="test")[0]["image"][:426, :320]


def test_the_filter_gains_nothing_over_itself():
    values = measured(lambda pixels: bicubic(pixels, (2 * pixels.shape[0], 2 * pixels.shape[1])))
    assert values["psnr_gain"] == values["ssim_gain"] == 0 and values["detail"] == 1
    assert values["sharpness"] == values["sharpness_bicubic"] < 0.5
    # The mean square of the difference of Y in 0 to 255 gives 35.3 dB; in 16 to 235 that is 20 log10(255 / 219) more.
    assert values["psnr"] == pytest.approx(35.3 + 20 * np.log10(255 / 219), abs=0.3)


def test_the_truth_is_perfect_and_noise_is_not_detail(whole):
    values = measured(lambda pixels: whole)
    assert values["psnr"] == np.inf and values["ssim"] == pytest.approx(1)
    assert values["sharpness"] == 1 and values["detail"] == 0
    noise = np.random.default_rng(0).normal(0, 8, whole.shape)
    values = measured(lambda pixels: np.clip(whole + noise, 0, 255).astype(np.uint8))
    assert values["sharpness"] > 1.2 and values["detail"] > 1
