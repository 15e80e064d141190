"""Pictures that are asked for by a scene graph, from a stored run alone."""

import re

import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import use
from jaxgan.config import default, named, player
from jaxgan.errors import UserError
from jaxgan.training import train
from tests.gans import tiny_players


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A run of two steps."""
    folder, config = tmp_path_factory.mktemp("scenes") / "run", default()
    config.system, config.game = "sg2im", {"latent_size": 2, "object_size": 4}
    networks = {"graph_network": named("SceneGraphNetwork", width=4, rounds=1)}
    for name in ("generator", "discriminator", "object_discriminator"):
        networks[name] = named(f"{tiny_players.__name__}:{'Writer' if name == 'generator' else 'Reader'}")
    for name, network in networks.items():
        config.players[name] = player(network, named("sgd", learning_rate=0.1))
    config.data.name, config.data.split = "scenes", "test"
    config.batch_size, config.steps, config.statistics_batches, config.metrics = 16, 2, 0, ()
    config.checkpoint_every = config.sample_every = 2
    train(config, folder)
    return folder


def asked_for(folder, output, *more, ability="sample"):
    assert use.main(ability, [f"--workdir={folder}", "--trust", f"--output={output}", "--num=4", *more]) == 0
    with np.load(output) as found:
        return found["image"]


def test_a_scene_is_what_pictures_are_made_of(asked, tmp_path):
    one, two = "3 left of 7", "4 inside frame; frame above 0"
    for ability in ("sample", "layout"):
        made, other = (
            asked_for(asked, tmp_path / f"{ability}{index}.npz", f"--scene={scene}", ability=ability)
            for index, scene in enumerate((one, two))
        )
        assert made.shape == (4, 32, 32, 1) and made.dtype == np.uint8 and (made != other).any()
        again = asked_for(asked, tmp_path / f"{ability}2.npz", "--scene= 3  left of 7;", ability=ability)
        np.testing.assert_array_equal(made, again)
        mixed = asked_for(asked, tmp_path / f"{ability}3.npz", f"--scene={one}", f"--scene={two}", ability=ability)
        np.testing.assert_array_equal(mixed[::2], made[::2])
        np.testing.assert_array_equal(mixed[1::2], other[1::2])
    assert asked_for(asked, tmp_path / "none.npz").shape == made.shape  # nothing asked: graphs that it has seen


def test_the_default_output_is_called_by_its_scene(asked, capsys):
    assert use.main("sample", [f"--workdir={asked}", "--trust", "--num=1", "--scene=3 left of 7; 7 above 1"]) == 0
    assert re.search(
        r"generated/step2-num1-seed0-scene_3_left_of_7_7_above_1_[0-9a-f]{8}\.png", capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ("", "--scene='' has no sentence: write one, like '3 left of 5; 7 above 3'"),
        ("3 under 5", "--scene='3 under 5': '3 under 5' has no relation between two objects"),
        ("3 left of dog", "--scene='3 left of dog': 'dog' is no object"),
        ("3 above 1; 1 above 3", "--scene='3 above 1; 1 above 3' says two things of 1 and 3"),
    ],
)
def test_scenes_that_cannot_be_drawn_are_refused_in_a_line(asked, tmp_path, scene, words):
    with pytest.raises(UserError, match=words) as raised:
        asked_for(asked, tmp_path / "it.npz", f"--scene={scene}")
    assert "\n" not in str(raised.value)


def test_rows_of_the_runs_pictures_are_scenes_of_the_data(asked):
    frame, both, layout = (asked / name for name in ("samples/step_0000002.png", "real_and_fake.png", "layout.png"))
    with Image.open(frame) as samples, Image.open(both) as beside, Image.open(layout) as where:
        assert samples.size == where.size and samples.width > samples.height  # a sentence before eight pictures
        assert beside.width > samples.width
