"""Snapshots: whole batches, the same draws, and statistics that are those of many batches."""

import jax
import numpy as np
import pytest

from jaxgan.core.snapshot import Sampler
from jaxgan.data import Loader, make_source
from jaxgan.mesh import data_mesh
from jaxgan.training.plan import DataShapes, Plan


@pytest.fixture(scope="module")
def plans(tiny):
    """(variant) -> the plan of a tiny config, and its first state."""
    made = {}

    def get(variant):
        if variant not in made:
            plan = Plan.of(tiny(variant), DataShapes.of(Loader(make_source(tiny(variant).data))))
            made[variant] = plan, plan.first_state()
        return made[variant]

    with jax.set_mesh(data_mesh()):
        yield get


def test_fewer_samples_are_the_first_of_more(plans):
    plan, state = plans("dcgan")
    snapshot = Sampler(plan).at(state, 0)
    many = snapshot.sample(jax.random.key(2), 40)
    assert many.shape == (40, 8, 8, 1) and many.dtype == np.float32
    np.testing.assert_array_equal(snapshot.sample(jax.random.key(2), 5), many[:5])
    assert len(np.unique(many.reshape(40, -1), axis=0)) == 40


def test_statistics_are_those_of_the_union_of_batches(plans):
    """Against the generator's first batch norm, whose input is z W: its mean and variance over all the z."""
    plan, state = plans("dcgan")
    sampler = Sampler(plan)
    snapshot = sampler.at(state, 0)
    draws = [
        jax.random.normal(jax.random.fold_in(key, 0), (sampler.batch_size, 4))
        for key in jax.random.split(jax.random.key(0), 2)
    ]
    kernel = np.asarray(state.players["generator"].params["project"]["kernel"], np.float64)
    maps = (np.concatenate(draws).astype(np.float64) @ kernel).reshape(-1, 8)
    found = snapshot._statistics["generator"]["norm_0"]
    np.testing.assert_allclose(found["mean"], maps.mean(0), atol=1e-6)
    np.testing.assert_allclose(found["var"], maps.var(0), rtol=1e-4)


def test_without_statistics_each_batch_has_its_own(plans):
    plan, state = plans("dcgan")
    config = plan.config.copy_and_resolve_references()
    config.statistics_batches = 0
    own = Sampler(Plan.of(config, plan.shapes)).at(state, 0).sample(jax.random.key(2), 16)
    expected = plan.game.sample(state, jax.random.fold_in(jax.random.key(2), 0), 16)
    np.testing.assert_allclose(own, expected, atol=1e-6)


def test_small_stages_are_enlarged_pixel_by_pixel(plans):
    plan, state = plans("progan")
    first = Sampler(plan).at(state, 0).sample(jax.random.key(2), 3)
    assert first.shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(first, first[:, ::2, ::2].repeat(2, 1).repeat(2, 2))


def test_translations_do_not_depend_on_how_many_there_are(plans):
    plan, state = plans("cyclegan")
    snapshot = Sampler(plan).at(state, 0)
    images = np.random.default_rng(0).uniform(-1, 1, (19, 8, 8, 1)).astype(np.float32)
    whole = snapshot.translate(jax.random.key(0), images, "ba")
    assert whole.shape == images.shape
    np.testing.assert_allclose(snapshot.translate(jax.random.key(0), images[17:], "ba"), whole[17:], atol=1e-6)
    direct = plan.game.translate(state, jax.random.key(0), images[:1], direction="ba")
    np.testing.assert_allclose(whole[:1], direct, atol=1e-5)
    assert not np.allclose(snapshot.translate(jax.random.key(0), images, "ab"), whole, atol=1e-3)
