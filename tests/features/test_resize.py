"""The three resize modes against their definitions, TensorFlow's to the bit."""

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.features.resize import resize


def tf1_reference(images: np.ndarray, size: int) -> np.ndarray:
    """TensorFlow 1's ResizeBilinear, pixel by pixel in float32."""
    batch, height, width, channels = images.shape
    result = np.zeros((batch, size, size, channels), np.float32)
    for i in range(size):
        y = np.float32(i) * (np.float32(height) / np.float32(size))
        top, dy = int(y), y - np.float32(int(y))
        bottom = min(top + 1, height - 1)
        for j in range(size):
            x = np.float32(j) * (np.float32(width) / np.float32(size))
            left, dx = int(x), x - np.float32(int(x))
            right = min(left + 1, width - 1)
            above = images[:, top, left] + (images[:, top, right] - images[:, top, left]) * dx
            below = images[:, bottom, left] + (images[:, bottom, right] - images[:, bottom, left]) * dx
            result[:, i, j] = above + (below - above) * dy
    return result


def random_images(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (2, height, width, 3)).astype(np.uint8)


def test_tf1_of_a_ramp_by_hand():
    # Rows of 0 10 20 30 40 on a grid of 5/7: 0, 50/7, 100/7, ..., and beyond the last pixel the last pixel again.
    ramp = np.broadcast_to((10 * np.arange(5, dtype=np.uint8))[None, None, :, None], (1, 5, 5, 1))
    expected = np.minimum(np.arange(7) * 50 / 7, 40.0)
    np.testing.assert_allclose(np.asarray(resize(ramp, 7))[0, 3, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(("height", "width", "size"), [(5, 5, 7), (32, 32, 75), (40, 33, 21), (16, 16, 16)])
def test_tf1_to_the_bit(height, width, size):
    images = random_images(height, width)
    result = np.asarray(jax.jit(lambda x: resize(x, size, "tf1"))(images))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, tf1_reference(images.astype(np.float32), size))


@pytest.mark.parametrize(("height", "width", "size"), [(5, 5, 7), (32, 32, 75), (40, 33, 21), (16, 16, 16)])
def test_torch_mode(height, width, size):
    torch = pytest.importorskip("torch")
    images = random_images(height, width)
    x = torch.tensor(images).permute(0, 3, 1, 2).float()
    expected = torch.nn.functional.interpolate(x, (size, size), mode="bilinear", align_corners=False)
    # A coordinate near 75 in float32 is good to 4e-6 of a pixel, and neighbours differ by up to 255.
    np.testing.assert_allclose(resize(images, size, "torch"), expected.permute(0, 2, 3, 1), atol=1e-3)


@pytest.mark.parametrize(
    ("height", "width", "size"), [(5, 5, 7), (32, 32, 75), (40, 33, 21), (97, 64, 16), (16, 16, 16)]
)
def test_clean_mode_is_pillows_bicubic_in_float(height, width, size):
    images = random_images(height, width)
    images[0, : height // 2] = 255 * (images[0, : height // 2] > 127)
    expected = np.zeros((2, size, size, 3), np.float32)
    for index in np.ndindex(2, 3):
        channel = Image.fromarray(images[index[0], :, :, index[1]].astype(np.float32))
        expected[index[0], :, :, index[1]] = np.asarray(channel.resize((size, size), Image.Resampling.BICUBIC))
    if size == 75:
        assert expected.min() < 0 and expected.max() > 255  # the clip has something to do
    np.testing.assert_allclose(resize(images, size, "clean"), expected.clip(0, 255), atol=1e-3)


def test_modes_differ():
    images = random_images(12, 12)
    results = [np.asarray(resize(images, 20, mode)) for mode in ("tf1", "torch", "clean")]
    assert all(abs(a - b).max() > 5 for a, b in zip(results, results[1:] + results[:1], strict=True))


@pytest.mark.parametrize(
    ("shape", "size", "mode", "match"),
    [
        ((1, 4, 4, 3), 8, "bicubic", "tf1, torch, clean"),
        ((4, 4, 3), 8, "tf1", "B, H, W, C"),
        ((1, 0, 4, 3), 8, "tf1", "B, H"),
    ],
)
def test_errors(shape, size, mode, match):
    with pytest.raises(ValueError, match=match):
        resize(np.zeros(shape), size, mode)
