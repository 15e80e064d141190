"""The album of a toy density: what the discriminator says of a place stands behind the points, if the game can tell."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import pictures
from jaxgan.core.snapshot import Sampler
from jaxgan.data import Loader, make_source
from jaxgan.mesh import data_mesh
from jaxgan.pictures.album import Album
from jaxgan.training.plan import DataShapes, Plan
from jaxgan.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def ring8(tiny):
    """A tiny game on ring8, its first state and its data."""
    source = make_source(tiny("ring8").data)
    plan = Plan.of(tiny("ring8"), DataShapes.of(Loader(source)))
    with jax.set_mesh(data_mesh()):
        yield plan, plan.first_state(), source


def draw(ring8, folder, can_judge):
    """Draws the game after no step, as one that can judge or one that cannot; returns the album and the judge's name."""
    plan, state, source = ring8
    (name,) = set(plan.game.players) - {"generator"}
    abilities = {ability: use for ability, use in plan.game.abilities.items() if ability != "judge"}
    if can_judge:
        abilities["judge"] = lambda nets, key, points: getattr(nets, name)(points)
    sampler = Sampler(dataclasses.replace(plan, game=dataclasses.replace(plan.game, abilities=abilities)))
    album = Album(RunFolder(folder), sampler, source, jax.random.key(0), None)
    album.draw(sampler.at(state, 0), 0)
    return album, name


def test_the_field_is_what_the_discriminator_says(ring8, tmp_path, monkeypatch):
    fields = []

    def density(real, fake, field):
        fields.append(field)
        return Image.new("L", (8, 8))

    monkeypatch.setattr(pictures, "density", density)
    _, name = draw(ring8, tmp_path, True)
    plan, state, _ = ring8
    points = np.random.default_rng(0).normal(size=(33, 2)).astype(np.float32)
    logits = fields[0](points)
    assert logits.shape == (33,) and logits.dtype == np.float32
    np.testing.assert_allclose(logits, getattr(plan.game.nets(state), name)(points), rtol=1e-5, atol=1e-6)
    assert np.ptp(logits) > 0.01
    draw(ring8, tmp_path, False)
    assert fields[1] is None


def test_both_pictures_are_small(ring8, tmp_path):
    sizes = []
    for can_judge in (True, False):
        album, _ = draw(ring8, tmp_path, can_judge)
        assert album.latest.stat().st_size < 100_000
        with Image.open(album.latest) as picture:
            sizes.append(picture.size)
    assert sizes[0][0] > sizes[1][0] >= 400  # room for the scale of the logits
