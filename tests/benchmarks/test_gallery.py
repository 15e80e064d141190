"""The gallery's mathematics against closed forms, its loop against single steps, its page; nothing is trained for long."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.gallery import __main__ as gallery
from benchmarks.gallery import (
    distances,
    divergences,
    fractional,
    lesson,
    lipschitz,
    nonsaturating,
    plan,
    relativistic,
    saturation,
    squares,
    stale,
    story,
)
from jaxgan import gans
from jaxgan.core import Player
from jaxgan.losses import make_objective
from jaxgan.networks import MLPDiscriminator, MLPGenerator

RGAN = {"name": "relativistic", "form": "pairing", "loss": "standard"}


def test_a_game_is_played_as_by_single_steps_and_only_by_the_turns_named():
    players = (
        Player(MLPGenerator((1,), hidden=(), output="linear"), optax.sgd(0.1)),
        Player(MLPDiscriminator((2,)), optax.sgd(0.1)),
    )
    game = gans.gan(*players, latent_size=1, discriminator_steps=2)
    # All reals are the same: which of them a step draws does not matter.
    data, real = jnp.full((8, 1), 3.0), {"image": jnp.full((4, 1), 3.0)}
    first = game.init(jax.random.key(0), real)
    watch = lambda state: state.players["discriminator"].params["output"]["bias"][0]  # noqa: E731
    last, seen = lesson.play(game, 4, watch, turns=("discriminator",), every=2, batch_size=4)(first, data)
    state, expected = first, []
    for step in range(4):
        state, _ = game.step(state, (real, real), game.due(0, 0)._replace(turns=("discriminator",)))
        expected += [watch(state)] if step % 2 else []
    np.testing.assert_allclose(seen, expected, rtol=1e-5)
    assert not np.allclose(seen[0], seen[1])
    jax.tree.map(np.testing.assert_array_equal, last.players["generator"].params, first.players["generator"].params)
    with pytest.raises(ValueError, match="choose a divisor"):
        lesson.play(game, 5, watch, every=2)


def test_distances_of_two_gaussians_are_their_closed_forms():
    deviation = distances.DEVIATION
    for theta in (0.0, 0.3, 1.0):
        exact = distances.exact(theta)
        assert exact.kl == pytest.approx(theta**2 / (2 * deviation**2), abs=1e-9)
        overlap = 2 * scipy.stats.norm.cdf(theta / (2 * deviation)) - 1
        assert exact.total_variation == pytest.approx(overlap, abs=1e-6)
        assert exact.jensen_shannon <= math.log(2) * exact.total_variation + 1e-9
        assert exact.wasserstein == theta
    assert distances.exact(0.0).jensen_shannon == pytest.approx(0, abs=1e-12)
    assert distances.exact(6.0).jensen_shannon == pytest.approx(math.log(2), abs=1e-9)
    # JS of a mixture of their labels: log 2 minus the entropy of the label given x, by another rule of integration.
    p, q = (scipy.stats.norm(mean, deviation).pdf for mean in (0.0, 0.3))
    share = lambda x: p(x) / (p(x) + q(x))  # noqa: E731
    entropy = lambda x: 0.5 * (p(x) + q(x)) * scipy.stats.entropy([share(x), 1 - share(x)])  # noqa: E731
    conditional = scipy.integrate.quad(entropy, -2, 2.5)[0]
    assert distances.exact(0.3).jensen_shannon == pytest.approx(math.log(2) - conditional, abs=1e-6)


def test_the_gaussian_nearest_by_kl_has_the_moments_of_the_mixture_and_by_reverse_kl_is_a_mode():
    centres, deviation = np.array([2.0, 6.0]), 0.5
    covering = divergences.best_gaussian("kl", centres, deviation)
    assert covering == pytest.approx((4.0, math.sqrt(0.5**2 + 2.0**2)), abs=1e-4)
    seeking = divergences.best_gaussian("reverse_kl", centres, deviation)
    assert seeking == pytest.approx((2.0, 0.5), abs=1e-2)
    # Modes far apart: all that is lost is the choice between two, log 2.
    assert divergences.divergence("reverse_kl", centres, deviation, divergences.Gaussian(2.0, 0.5)) == pytest.approx(
        math.log(2), abs=1e-3
    )


def test_the_wasserstein_distance_of_points_is_the_cheapest_matching():
    points = np.random.default_rng(0).standard_normal((50, 2))
    shuffled = points[np.random.default_rng(1).permutation(50)]
    assert lipschitz.wasserstein(points, shuffled + np.array([[3.0, 4.0]])) == pytest.approx(5.0)
    line = np.zeros((50, 2))
    line[:, 0] = points[:, 0]
    other = np.zeros((50, 2))
    other[:, 0] = points[:, 1]
    expected = scipy.stats.wasserstein_distance(points[:, 0], points[:, 1])
    assert lipschitz.wasserstein(line, other) == pytest.approx(expected)


def test_the_slopes_of_what_generators_descend():
    # KL = theta^2 / (2 sigma^2), and with C* = (theta^2 - 2 theta x) / (2 sigma^2): d JS / d theta is an expectation of D*.
    theta, sigma = 0.3, distances.DEVIATION
    best = lambda x: scipy.special.expit((theta**2 - 2 * theta * x) / (2 * sigma**2))  # noqa: E731
    # d / d theta of E_q[log(1 - D*)], D* held: E_q[D* theta / sigma^2]
    minimax = scipy.stats.norm(theta, sigma).expect(lambda x: best(x) * theta / sigma**2)
    found = nonsaturating.slopes(theta)
    assert found[1] == pytest.approx(minimax, rel=1e-4)
    assert found[0] == pytest.approx(theta / sigma**2 - minimax, rel=1e-4)
    assert nonsaturating.slopes(0.0) == pytest.approx((0, 0), abs=1e-6)


def test_the_divergence_of_needles_from_the_data():
    assert stale.shannon(stale.DATA) == pytest.approx(0, abs=1e-9)
    for narrow in (1e-3, 1e-5):
        # A needle in the data is told from them almost everywhere: what is left of log 2 vanishes with its width.
        assert 0.67 < stale.shannon(divergences.Gaussian(0.2, narrow)) < math.log(2)
    apart = divergences.Gaussian(0.3, stale.DATA.deviation)
    scale = distances.DEVIATION / stale.DATA.deviation
    assert stale.shannon(apart) == pytest.approx(distances.exact(0.3 * scale).jensen_shannon, rel=1e-4)


def test_the_best_line_by_least_squares_is_that_of_a_regression():
    line = squares.best_line(make_objective("least_squares"))
    noise = np.random.default_rng(0).standard_normal(squares.SAMPLES)
    x = np.concatenate([each.mean + each.deviation * noise for each in (squares.DATA, squares.FAKES)])
    targets = np.repeat([1.0, 0.0], squares.SAMPLES)
    # 1/2 mean over either kind of (C - target)^2, and DECAY |line|^2
    design = np.stack([np.ones_like(x), x], axis=1)
    normal = design.T @ design / squares.SAMPLES + 2 * squares.DECAY * np.eye(2)
    np.testing.assert_allclose(line, np.linalg.solve(normal, design.T @ targets / squares.SAMPLES), rtol=1e-3)
    # L_G = (C - 1)^2 / 2, and of a cross-entropy - log D
    places, line = np.array([-2.0, 1.0, 5.0]), np.array([0.2, 0.5])
    scores = line[0] + line[1] * places
    pulls = squares.pull(make_objective("least_squares"), line, places)
    np.testing.assert_allclose(pulls, -(scores - 1) * line[1], rtol=1e-5)
    pulls = squares.pull(make_objective("non_saturating"), line, places)
    np.testing.assert_allclose(pulls, line[1] / (1 + np.exp(scores)), rtol=1e-5)


def test_the_cheapest_plan_has_its_sums_and_on_a_line_the_area_between_the_distributions():
    costs = np.abs(np.subtract.outer(np.arange(8), np.arange(8))).astype(float)
    found = plan.cheapest_plan(plan.HEAPS, plan.HOLES, costs)
    np.testing.assert_allclose(found.amounts.sum(1), plan.HEAPS, atol=1e-9)
    np.testing.assert_allclose(found.amounts.sum(0), plan.HOLES, atol=1e-9)
    assert found.cost == pytest.approx((found.amounts * costs).sum())
    places = np.arange(8)
    assert found.cost == pytest.approx(scipy.stats.wasserstein_distance(places, places, plan.HEAPS, plan.HOLES))


@pytest.mark.parametrize("side", fractional.KERNELS)
def test_both_ways_to_double_an_image_agree_and_patches_are_counted(side):
    rng = np.random.default_rng(1)
    image, kernel = rng.normal(size=(4, 4)), rng.normal(size=(side, side))
    np.testing.assert_allclose(fractional.transposed(image, kernel), fractional.fractional(image, kernel), atol=1e-5)
    counts = np.zeros((12, 12))
    for row, column in np.ndindex(4, 4):
        counts[2 * row : 2 * row + side, 2 * column : 2 * column + side] += 1
    padding, _ = fractional.KERNELS[side]
    expected = counts[padding : padding + 8, padding : padding + 8]
    np.testing.assert_allclose(fractional.transposed(np.ones((4, 4)), np.ones((side, side))), expected, atol=1e-5)


def test_the_minimax_gradient_vanishes_where_fakes_are_rejected_and_the_other_does_not():
    logits = np.array([-10.0, 0.0, 10.0])
    sigmoid = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(saturation.logit_gradient("minimax", logits), -sigmoid, rtol=1e-5)
    np.testing.assert_allclose(saturation.logit_gradient("non_saturating", logits), sigmoid - 1, rtol=1e-5)


def test_reals_have_half_of_the_relativistic_gradient_and_little_of_the_other():
    real, fake = jnp.array([6.0, 5.0]), jnp.array([4.0, 7.0])
    sigmoid = lambda c: 1 / (1 + np.exp(-np.asarray(c)))  # noqa: E731
    assert relativistic.share_of_reals(make_objective(RGAN), real, fake) == pytest.approx(0.5)
    # |d L_D / d C| is 1 - D(x) on reals and D(g) on fakes.
    pulls = (1 - sigmoid(real)).sum(), sigmoid(fake).sum()
    share = relativistic.share_of_reals(make_objective("non_saturating"), real, fake)
    assert share == pytest.approx(pulls[0] / sum(pulls), rel=1e-4)
    seen = relativistic.probabilities("relativistic", real, fake)
    assert seen["real"] == pytest.approx(sigmoid([2.0, -2.0]).mean()) and seen["real"] + seen["fake"] == pytest.approx(
        1
    )
    assert relativistic.probabilities("standard", real, fake)["fake"] == pytest.approx(sigmoid(fake).mean())


def frames(folder, steps):
    paths = []
    for step in steps:
        paths.append(folder / f"step_{step:07d}.png")
        # The step is in the colour, so that a sheet says which frames it took.
        Image.new("RGB", (60, 50), (step // 10, 0, 0)).save(paths[-1])
    return paths


def test_a_story_shows_the_first_the_last_and_more_of_the_early_moments(tmp_path):
    story.toy_story(frames(tmp_path, range(0, 2100, 100))[::-1], tmp_path / "story.png")
    with Image.open(tmp_path / "story.png") as sheet:
        assert sheet.size == (900, 2 * (250 + 24))
        colours = [
            sheet.convert("RGB").getpixel((150 + 300 * column, 150 + 274 * row))[0]
            for row in (0, 1)
            for column in range(3)
        ]
    steps = [10 * colour for colour in colours]
    assert steps[0] == 0 and steps[-1] == 2000
    gaps = np.diff(steps)
    assert (gaps > 0).all() and (np.diff(gaps) >= 0).all()


@pytest.mark.parametrize(("number", "rows"), [(1, 1), (2, 1), (6, 2), (7, 2)])
def test_a_story_of_few_frames_has_room_for_six(tmp_path, number, rows):
    story.toy_story(frames(tmp_path, range(0, 100 * number, 100)), tmp_path / "story.png")
    with Image.open(tmp_path / "story.png") as sheet:
        assert sheet.size == (900, 274 * rows)
        pixels = sheet.convert("RGB")
        shown = [pixels.getpixel((150 + 300 * (at % 3), 150 + 274 * (at // 3)))[0] for at in range(min(number, 6))]
    assert shown[0] == 0 and shown[-1] == 10 * (number - 1) and len(set(shown)) == min(number, 6)


def test_a_story_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train a toy first"):
        story.toy_story([], tmp_path / "story.png")


def test_pictures_are_small_or_refused(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    lesson.save(Image.fromarray(noise), tmp_path / "noise.png")
    assert 0 < (tmp_path / "noise.png").stat().st_size < lesson.LARGEST
    monkeypatch.setattr(lesson, "LARGEST", 1000)
    with pytest.raises(ValueError, match="draw less"):
        lesson.save(Image.fromarray(noise), tmp_path / "refused.png")
    assert not (tmp_path / "refused.png").exists()


def test_the_page_keeps_what_is_not_made_anew_and_lists_the_stories():
    one = gallery.section("saturation", lesson.Lesson("One", "a paper", lambda: (Figure(), "")), "first text")
    two = gallery.section("collapse", lesson.Lesson("Two", "a paper", lambda: (Figure(), "")), "second text")
    page = gallery.make_page({"collapse": two, "saturation": one}, ["gan-ring8"])
    assert gallery.read_sections(page) == {"saturation": one, "collapse": two}
    assert page.index("first text") < page.index("second text") < page.index("--config=configs/gan.py:ring8")
    assert gallery.make_page(gallery.read_sections(page), ["gan-ring8"]) == page


def test_the_page_in_the_repository_is_whole_and_its_pictures_are_small():
    page = (gallery.FOLDER / "README.md").read_text()
    assert tuple(gallery.read_sections(page)) == gallery.NAMES
    for path in gallery.FOLDER.glob("*.png"):
        assert f"({path.name})" in page and path.stat().st_size < lesson.LARGEST
        with Image.open(path) as picture:
            assert picture.width == 900
