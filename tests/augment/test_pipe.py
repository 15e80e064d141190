"""ADA's pipeline: its colours against the paper's matrices, its draws against the paper's table, and that none leaks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from jaxgan.augment import ada, adaptive, augment_pipe
from jaxgan.augment.pipe import recolor
from jaxgan.core import Clock

MANY = 4000


def look(categories, images, ps, seed=0):
    """What an adaptive pipe shows of the images at each p; compiled once."""
    view = jax.jit(ada(categories).apply)
    images = jnp.asarray(images, jnp.float32)
    return [np.asarray(view(jax.random.key(seed + i), images, None, adaptive.start(p))) for i, p in enumerate(ps)]


def is_share(chosen, probability):
    """Whether so many of a batch are what a coin of this probability would choose, within five deviations."""
    return abs(np.mean(chosen) - probability) < 5 * np.sqrt(probability * (1 - probability) / len(chosen))


def fits(values, distribution):
    return stats.kstest(values, distribution.cdf).pvalue > 1e-3


# ---- no coin, no change


@pytest.mark.parametrize("shape", [(3, 8, 8, 1), (3, 6, 9, 3)])
def test_nothing_happens_at_p_0(shape):
    x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    never, always = look("bgcfno", x, [0.0, 1.0])
    np.testing.assert_array_equal(never, x)
    assert (np.abs(always - x).max(axis=(1, 2, 3)) > 0.1).all()


# ---- colours


def test_colours_change_by_the_papers_matrices():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (6, 2, 3, 3)).astype(np.float32)
    brightness, contrast, saturation = (rng.uniform(0.2, 2, 6) for _ in range(3))
    hue, luma = rng.uniform(-3, 3, 6), np.array([1, -1, 1, -1, 1, -1])
    draws = [jnp.asarray(value, jnp.float32) for value in (brightness, contrast, luma, hue, saturation)]
    seen = recolor(x, *draws)
    v = np.ones(3) / np.sqrt(3)
    vv = np.outer(v, v)
    for i in range(6):
        color = np.eye(4)
        color[:3, 3] = brightness[i]
        for step in (
            contrast[i] * np.eye(3),
            np.eye(3) - (1 - luma[i]) * vv,
            Rotation.from_rotvec(hue[i] * v).as_matrix(),
            vv + saturation[i] * (np.eye(3) - vv),
        ):
            homogeneous = np.eye(4)
            homogeneous[:3, :3] = step
            color = homogeneous @ color
        np.testing.assert_allclose(seen[i], x[i] @ color[:3, :3].T + color[:3, 3], atol=1e-5)
    # A grey image is one whose three channels agree.
    grey = x[..., :1]
    np.testing.assert_allclose(
        recolor(grey, *draws), recolor(np.repeat(grey, 3, -1), *draws).mean(-1, keepdims=True), atol=1e-5
    )


def test_colours_are_drawn_as_in_the_paper():
    # Black, red, green and blue: the map's offset and the columns of its matrix.
    pixels = np.concatenate([np.zeros((1, 3)), np.eye(3)])[None, None]
    always, at_half = look("c", np.broadcast_to(pixels, (MANY, 1, 4, 3)), [1.0, 0.5])

    def read(seen):
        offset = seen[:, 0, 0]
        matrix = (seen[:, 0, 1:] - offset[:, None]).transpose(0, 2, 1).astype(float)
        v, w = np.ones(3) / np.sqrt(3), np.array([1, -1, 0]) / np.sqrt(2)
        along = np.einsum("i,bij,j->b", v, matrix, v)
        turned = matrix @ w
        angle = np.arctan2(turned @ np.cross(v, w), turned @ w)
        return (
            np.sign(along),
            np.log2(np.abs(along)),
            np.log2(np.linalg.norm(turned, axis=1) / np.abs(along)),
            angle,
            (offset[:, 0] / along),
        )

    luma, contrast, saturation, hue, brightness = read(always)
    assert is_share(luma < 0, 0.5)
    assert fits(contrast, stats.norm(0, 0.5))
    assert fits(saturation, stats.norm(0, 1))
    assert fits(hue, stats.uniform(-np.pi, 2 * np.pi))
    assert fits(brightness, stats.norm(0, 0.2))
    luma, contrast, saturation, hue, brightness = read(at_half)
    assert is_share(luma < 0, 0.25)
    none = np.abs([contrast, saturation, hue, brightness]) < 1e-5
    assert all(is_share(chosen, 0.5) for chosen in none)
    # Each has its own coin.
    assert is_share(none.all(0), 0.5**4)


# ---- moves: images of the coordinates, from whose middle the inverse of an image's map can be read

HEIGHT, WIDTH = 41, 57


def read_maps(seen):
    """The linear part (B, 2, 2) of each map's inverse, in pixels (x, y), and the translation (B, 2) of the map."""
    middle = seen[:, 20, 28]
    linear = np.stack([seen[:, 20, 29] - middle, seen[:, 21, 28] - middle], -1).astype(float)
    # x = L (x' - t): the middle shows -L t.
    return linear, -np.linalg.solve(linear, middle[..., None].astype(float))[..., 0]


def coordinates():
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.broadcast_to(np.stack([columns - 28, rows - 20], -1), (MANY, HEIGHT, WIDTH, 2))


def test_blitting_is_drawn_as_in_the_paper():
    always, at_half = look("b", coordinates(), [1.0, 0.5])
    linear, shift = read_maps(always)
    # Flips and quarter turns: eight of them, equally likely.
    symmetries, counts = np.unique(linear.reshape(MANY, 4), axis=0, return_counts=True)
    assert len(symmetries) == 8 and set(np.unique(symmetries)) == {-1, 0, 1}
    assert stats.chisquare(counts).pvalue > 1e-3
    for axis, side in enumerate((WIDTH, HEIGHT)):
        # U(-side/8, side/8), rounded: the outermost whole numbers get what is left.
        reach = round(side / 8)
        expected = np.full(2 * reach + 1, 4 / side)
        expected[[0, -1]] = (1 - 4 / side * (2 * reach - 1)) / 2
        moves, counts = np.unique(shift[:, axis], return_counts=True)
        np.testing.assert_array_equal(moves, np.arange(-reach, reach + 1))
        assert stats.chisquare(counts, expected * MANY).pvalue > 1e-3
    linear, shift = read_maps(at_half)
    # Neither a flip (1/2 of the times that it is chosen) nor a turn (3/4 of them).
    assert is_share((linear == np.eye(2)).all((1, 2)), (1 - 0.5 / 2) * (1 - 0.5 * 3 / 4))
    # x is not moved: not chosen, or rounded to 0.
    assert is_share(shift[:, 0] == 0, 0.5 + 0.5 * 4 / WIDTH)


@pytest.mark.slow
def test_geometry_is_drawn_as_in_the_paper():
    always, at_half = look("g", coordinates(), [1.0, 0.5])

    def read(seen):
        # Where the middle comes from near the mirror or beyond it, nothing can be read.
        seen = seen[(np.abs(seen[:, 20, 28]) < [21, 13]).all(-1)]
        linear, shift = read_maps(seen)
        values = np.linalg.svd(linear, compute_uv=False)
        angle = np.arctan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
        return -np.log2(values.prod(-1)) / 2, np.log2(values[:, 0] / values[:, 1]) / 2, angle, shift / [WIDTH, HEIGHT]

    scale, stretch, angle, _ = read(always)
    assert fits(scale, stats.norm(0, 0.2))
    assert fits(stretch, stats.halfnorm(0, 0.2))
    assert fits(angle, stats.uniform(-np.pi, 2 * np.pi))
    scale, stretch, angle, shift = read(at_half)
    none = np.abs([scale, stretch, angle]) < 1e-4
    # Neither turned before nor after the stretching: 1 - p in all.
    assert all(is_share(chosen, 0.5) for chosen in none)
    # Translations, where the mirror (from 0.37 and 0.32 of the sides on) has hidden hardly any: where nothing is enlarged.
    for axis in range(2):
        moved = shift[none[0] & none[1] & (np.abs(shift).max(-1) > 1e-4)][:, axis]
        inside = stats.truncnorm(-0.3 / 0.125, 0.3 / 0.125, 0, 0.125)
        assert fits(moved[np.abs(moved) < 0.3], inside)


def test_cut_out_is_half_the_sides_anywhere():
    always, at_half = look("o", np.ones((MANY, 8, 6, 1)), [1.0, 0.5])
    rows, columns = (always.min(axis) == 0 for axis in (2, 1))
    # A centre within a quarter of a side from an end: part of the hole falls off. Elsewhere it is whole.
    assert rows.sum(1).max() == 4 and columns.sum(1).max() == 3
    assert is_share(rows[:, 0, 0], 0.25 + 0.5 / 8) and is_share(rows[:, 3, 0], 0.5)
    assert is_share((at_half == 1).all((1, 2, 3)), 0.5)


# ---- filters and noise


def test_octaves_are_amplified_as_in_the_paper():
    """Lines of four waves, one in each octave: what each was multiplied by tells the gains, but for what all share."""
    width = 65
    places = np.array([0, 12, 24, 64])  # half waves
    waves = np.cos(np.pi * np.outer(np.arange(width), places) / (width - 1))
    lines = np.broadcast_to(waves[None, None], (MANY, 1, width, 4))
    half = np.pi * places / (width - 1)
    low = [(8 + 9 * np.cos(2**octave * half) - np.cos(3 * 2**octave * half)) / 16 for octave in range(3)]
    bands = np.stack([low[0] * low[1] * low[2], low[0] * low[1] * (1 - low[2]), low[0] * (1 - low[1]), 1 - low[0]])

    def read(seen):
        # A line of one pixel is a constant along y, which the lowest band's gain multiplies.
        shown = np.einsum("bwc,wc->bc", seen[:, 0].astype(float), waves) / np.square(waves).sum(0)
        gains = np.linalg.solve(bands.T, shown.T).T
        return gains / np.sqrt(gains[:, :1])

    always, seldom = (read(seen) for seen in look("f", lines, [1.0, 0.2]))
    for a, b in ((0, 1), (1, 2), (2, 3)):
        # All bands are scaled back by the same: what is left is the ratio of two factors 2^N(0, 1).
        assert fits(np.log2(always[:, a] / always[:, b]), stats.norm(0, np.sqrt(2)))
    assert is_share((np.abs(seldom - 1) < 1e-3).all(1), 0.8**4)
    power = np.array([10, 1, 1, 1]) / 13
    for band in range(4):
        others = np.delete(seldom, band, axis=1)
        alone = (np.ptp(others, axis=1) < 1e-3) & (np.abs(seldom[:, band] / others[:, 0] - 1) > 1e-2)
        assert is_share(alone, 0.2 * 0.8**3)
        np.testing.assert_allclose((power * seldom[alone] ** 2).sum(1), 1, rtol=5e-3)
        assert fits(np.log2(seldom[alone, band] / others[alone, 0]), stats.norm(0, 1))


def test_noise_is_drawn_as_in_the_paper():
    always, at_half = look("n", np.full((MANY, 16, 16, 3), 0.5), [1.0, 0.5])
    noise = (always - 0.5).reshape(MANY, -1).astype(float)
    # Of 768 entries the deviation is known to 3 percent, far less than it varies.
    deviation = noise.std(1)
    assert fits(deviation, stats.halfnorm(0, 0.1))
    assert fits((noise / deviation[:, None])[:, ::100].ravel(), stats.norm())
    assert abs(np.corrcoef(noise[:, 0] / deviation, noise[:, 1] / deviation)[0, 1]) < 5 / np.sqrt(MANY)
    assert is_share((at_half == 0.5).all((1, 2, 3)), 0.5)


def test_noise_has_nothing_to_do_with_what_else_is_drawn():
    """The noise of pixels beside the normal numbers that scales, shifts and colours are drawn by."""
    key = jax.random.key(3)
    seen = np.asarray(augment_pipe("n", 1.0).apply(key, jnp.zeros((MANY, 4, 4, 1)), None, ())).reshape(MANY, -1)
    noise = seen / np.sqrt(np.square(seen).mean(axis=1, keepdims=True))
    for part in jax.random.split(key):
        drawn = np.asarray(jax.random.normal(part, (MANY, 7))).ravel()
        assert abs(np.corrcoef(noise.ravel()[: len(drawn)], drawn)[0, 1]) < 5 / np.sqrt(len(drawn))


# ---- what must hold of any augmentation


def test_it_does_not_leak_below_p_1():
    """The mean operator on the pixels of 2x2 images: one-to-one for p < 1, blind to where things are at p = 1."""
    basis = np.eye(4).reshape(4, 2, 2, 1)
    shown = look("b", np.repeat(basis, MANY, axis=0), [0.5, 1.0])
    values = [np.linalg.svd(seen.reshape(4, MANY, 4).mean(1), compute_uv=False) for seen in shown]
    # Quarter turns leave (1 - p) of what is not constant, flips (1 - p) of what is not symmetric; no pixel is a translation.
    np.testing.assert_allclose(values[0], [1, 0.5, 0.25, 0.25], atol=0.05)
    np.testing.assert_allclose(values[1], [1, 0, 0, 0], atol=0.05)


def test_p_follows_a_schedule_of_the_clock():
    view = jax.jit(augment_pipe("c", probability=lambda clock: clock.step / 4).apply)
    x = jnp.ones((MANY, 1, 1, 1))
    for step in (1, 2):
        clock = Clock(*(jnp.int32(value) for value in (step, 0, 0, 0)))
        changed = np.asarray(view(jax.random.key(0), x, clock, ()) != x)[:, 0, 0, 0]
        # Brightness, contrast or a flip of a grey pixel.
        assert is_share(changed, 1 - (1 - step / 4) ** 2 * (1 - step / 8))


def test_categories_have_their_own_strength():
    view = jax.jit(augment_pipe({"c": 0.5, "o": 0.0}, probability=0.5).apply)
    x = jnp.ones((MANY, 1, 1, 1))
    seen = np.asarray(view(jax.random.key(0), x, None, ()))[:, 0, 0, 0]
    assert is_share(seen != 1, 1 - 0.75**2 * 0.875)
    assert (seen != 0).all()


@pytest.mark.parametrize(
    "bad", [{"categories": "bx"}, {"categories": ""}, {"categories": {"b": 2.0}}, {"categories": {"bg": 1.0}}]
)
def test_unknown_categories_are_refused(bad):
    with pytest.raises(ValueError, match="categories"):
        augment_pipe(**bad)


def test_bad_probabilities_settings_and_channels_are_refused():
    for probability in (1.5, -0.1):
        with pytest.raises(ValueError, match="probability"):
            augment_pipe(probability=probability)
    for bad in ({"start": 1.5}, {"images": 0}, {"every": 0}):
        with pytest.raises(ValueError, match="adaptive augmentation"):
            ada(**bad)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        augment_pipe(probability=0.5).apply(jax.random.key(0), jnp.ones((2, 4, 4, 2)), None, ())
