"""Images against images, beside SciPy's filters and closed forms."""

import numpy as np
import pytest
from scipy import ndimage

from jaxgan.metrics.image_quality import diversity, luma, ms_ssim, psnr, ssim


def draw(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def scipy_ssim(a, b, size=11):
    """One channel: means of SSIM and of its contrast-structure part, windows only where they fit."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    offsets = np.arange(size) - (size - 1) / 2
    window = np.exp(-0.5 * np.square(offsets / (1.5 * size / 11)))
    window /= window.sum()
    lost = size // 2, (size - 1) // 2  # where an even window's centre falls

    def smooth(x):
        for axis in (0, 1):
            x = ndimage.correlate1d(x, window, axis=axis, mode="constant")
        inside = [slice(lost[0], length - lost[1]) for length in x.shape]
        return x[inside[0], inside[1]]

    c1, c2 = 6.5025, 58.5225
    ma, mb = smooth(a), smooth(b)
    va, vb, cov = smooth(a * a) - ma**2, smooth(b * b) - mb**2, smooth(a * b) - ma * mb
    structure = (2 * cov + c2) / (va + vb + c2)
    return (structure * (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)).mean(), structure.mean()


def test_luma_of_the_corners_of_rgb():
    corners = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    found = luma(corners[None, None])[0, 0, :, 0]
    np.testing.assert_allclose(found, [16.0, 235.0, 81.481, 144.553, 40.966], rtol=1e-12)


def test_psnr_of_a_constant_error():
    grey = np.full((2, 8, 8, 1), 100, np.uint8)
    np.testing.assert_allclose(psnr(grey + np.uint8(5), grey), 20 * np.log10(255 / 5), rtol=1e-12)
    assert np.isinf(psnr(grey, grey)).all()
    # Of RGB, an error of 5 in all channels is one of 5 x 219 / 255 in Y.
    colour = np.full((1, 8, 8, 3), 100, np.uint8)
    np.testing.assert_allclose(psnr(colour + np.uint8(5), colour), 20 * np.log10(255 / (5 * 219 / 255)), rtol=1e-12)


def test_the_border_does_not_count():
    a = draw(1, 20, 20, 3)
    b = a.copy()
    b[:, :4], b[:, -4:], b[:, :, :4], b[:, :, -4:] = 0, 0, 0, 0
    assert np.isinf(psnr(a, b, border=4)).all() and np.isfinite(psnr(a, b, border=3)).all()
    np.testing.assert_allclose(ssim(a, b, border=4), 1.0, rtol=1e-6)
    with pytest.raises(ValueError, match="a border of 10 leaves nothing of 20x20 pixels"):
        psnr(a, b, border=10)


def test_ssim_is_scipys():
    a, b = draw(3, 17, 23, 1), draw(3, 17, 23, 1, seed=1)
    b[1] = a[1] // 2 + 60
    expected = [scipy_ssim(x[..., 0], y[..., 0])[0] for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ssim(a, b), expected, rtol=1e-4, atol=1e-5)
    assert expected[1] > 0.5 > expected[0]
    # Of colours, the Y channels.
    colour, other = draw(1, 17, 23, 3), draw(1, 17, 23, 3, seed=1)
    expected = scipy_ssim(luma(colour)[0, ..., 0], luma(other)[0, ..., 0])[0]
    np.testing.assert_allclose(ssim(colour, other), expected, rtol=1e-4, atol=1e-5)


def test_ssim_of_constant_images_is_the_luminance_term():
    a, b = np.full((1, 11, 11, 1), 50, np.uint8), np.full((1, 11, 11, 1), 150, np.uint8)
    np.testing.assert_allclose(ssim(a, b), (2 * 50 * 150 + 6.5025) / (50**2 + 150**2 + 6.5025), rtol=1e-4)


@pytest.mark.parametrize("size", [32, 40])
def test_ms_ssim_is_the_product_over_scales(size):
    a = ndimage.gaussian_filter(draw(2, size, size, 1).astype(float), (0, 3, 3, 0)).astype(np.uint8)
    b = np.clip(a + np.random.default_rng(1).normal(0, 4, a.shape), 0, 255).astype(np.uint8)
    expected = []
    for x, y in zip(a[..., 0].astype(np.float64), b[..., 0].astype(np.float64), strict=True):
        product = 1.0
        for level, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
            whole, structure = scipy_ssim(x, y, min(11, len(x)))
            product *= max(whole if level == 4 else structure, 0) ** weight
            half = len(x) // 2
            x, y = (z[: 2 * half, : 2 * half].reshape(half, 2, half, 2).mean(axis=(1, 3)) for z in (x, y))
        expected.append(product)
    np.testing.assert_allclose(ms_ssim(a, b), expected, rtol=1e-3)
    assert 0.1 < min(expected) < 0.999
    np.testing.assert_allclose(ms_ssim(a, a), 1.0, rtol=1e-5)


def test_diversity_pairs_images_of_one_class():
    one, other = draw(1, 16, 16, 1), draw(1, 16, 16, 1, seed=1)
    images = np.concatenate([one, other, one, other, one])
    labels = np.array([0, 1, 0, 1, 0])
    assert diversity(images, labels) == pytest.approx(1.0, abs=1e-5)
    assert diversity(images) == pytest.approx(float(ms_ssim(one, other)[0]), abs=1e-5) and diversity(images) < 0.5
    with pytest.raises(ValueError, match="no two of 2 images are of one class"):
        diversity(images[:2], labels[:2])


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="give pairs"):
        psnr(draw(1, 8, 8, 1), draw(1, 8, 9, 1))
    with pytest.raises(ValueError, match="at least 11x11"):
        ssim(draw(1, 12, 12, 1), draw(1, 12, 12, 1), border=1)
    with pytest.raises(ValueError, match="from 16x16"):
        ms_ssim(draw(1, 8, 8, 1), draw(1, 8, 8, 1))
