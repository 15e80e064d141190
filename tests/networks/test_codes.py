"""The networks of VAE-GAN and BiGAN: the layers of the papers, and that codes are each image's own where they should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import infogan
from jaxgan import networks
from jaxgan.core.constraints import path_string
from jaxgan.errors import UserError

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)), jnp.float32)


def kernels(network, *inputs):
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), *inputs))["params"]
    return {
        path_string(path).removesuffix("/kernel"): leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes)
        if path_string(path).endswith("kernel")
    }


def test_vaegan_has_the_layers_of_its_table():
    faces = jnp.zeros((1, 64, 64, 3))
    assert kernels(networks.VAEGANEncoder(outputs=256), faces) == {
        "down_0": (5, 5, 3, 64),
        "down_1": (5, 5, 64, 128),
        "down_2": (5, 5, 128, 256),
        "dense": (8 * 8 * 256, 2048),
        "output": (2048, 256),
    }
    assert kernels(networks.VAEGANGenerator(output_shape=(64, 64, 3)), jnp.zeros((1, 128))) == {
        "project": (128, 8 * 8 * 256),
        "up_1": (5, 5, 256, 256),
        "up_2": (5, 5, 256, 128),
        "up_3": (5, 5, 128, 32),
        "to_image": (5, 5, 32, 3),
    }
    assert kernels(networks.VAEGANDiscriminator(), faces) == {
        "conv_0": (5, 5, 3, 32),
        "down_1": (5, 5, 32, 128),
        "down_2": (5, 5, 128, 256),
        "down_3": (5, 5, 256, 256),
        "dense": (8 * 8 * 256, 512),
        "output": (512, 1),
    }


def test_bigan_has_the_layers_of_its_program():
    digits, codes = jnp.zeros((1, 28, 28, 1)), jnp.zeros((1, 50))
    assert kernels(networks.BiGANEncoder(outputs=50), digits) == {
        "hidden_0": (784, 1024),
        "hidden_1": (1024, 1024),
        "output": (1024, 50),
    }
    assert kernels(networks.BiGANGenerator(output_shape=(28, 28, 1)), codes) == {
        "hidden_0": (50, 1024),
        "hidden_1": (1024, 1024),
        "latent_1": (50, 1024),
        "output": (1024, 784),
    }
    assert kernels(networks.BiGANDiscriminator(), digits, codes) == {
        "hidden_0": (784, 1024),
        "hidden_1": (1024, 1024),
        "latent_1": (50, 1024),
        "output": (1024, 1),
    }


@pytest.mark.parametrize("classes", [0, 3])
def test_the_features_of_vaegan_are_what_its_last_layers_see(classes, drawn):
    """Behind them stand a batch norm, ReLU, a dense layer with another batch norm, ReLU, and the last layer."""
    network = networks.VAEGANDiscriminator(widths=(2, 3, 4), dense=5, class_logits=classes)
    params = drawn(network, IMAGES)
    verdict = network.apply({"params": params}, IMAGES, features=True)
    assert verdict.features.shape == (4, 4 * 4 * 4) and verdict.features.dtype == jnp.float32
    assert verdict.features.min() < 0  # before ReLU

    def normalised(x, layer):
        y = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
        return np.maximum(y * np.asarray(layer["scale"]) + np.asarray(layer["bias"]), 0)

    x = np.asarray(verdict.features, np.float64).reshape(-1, 4)
    x = normalised(x, params["norm_2"]).reshape(4, -1)
    x = normalised(x @ np.asarray(params["dense"]["kernel"]), params["dense_norm"])
    logits = x @ np.asarray(params["output"]["kernel"]) + np.asarray(params["output"]["bias"])
    ours = verdict.class_logits if classes else verdict.score[:, None]
    np.testing.assert_allclose(ours, logits, rtol=1e-3, atol=1e-4)
    assert (verdict.score is None) == bool(classes)
    plain = network.apply({"params": params}, IMAGES)
    np.testing.assert_array_equal(plain.class_logits if classes else plain[:, None], ours)


@pytest.mark.parametrize("classes", [0, 3])
def test_a_perceptron_gives_a_score_or_class_logits(classes, drawn):
    network = networks.MLPDiscriminator(hidden=(5,), class_logits=classes)
    params = drawn(network, IMAGES)
    verdict = network.apply({"params": params}, IMAGES, features=True)
    expected = verdict.features @ params["output"]["kernel"] + params["output"]["bias"][None]
    np.testing.assert_allclose(verdict.class_logits if classes else verdict.score[:, None], expected, rtol=1e-5)
    assert (verdict.score is None) == bool(classes)


@pytest.mark.parametrize(
    ("network", "alone"),
    [
        (networks.MLPEncoder(outputs=3, hidden=(8,)), True),
        (networks.BiGANEncoder(outputs=3, hidden=(8, 8), norm="layer"), True),
        (networks.BiGANEncoder(outputs=3, hidden=(8, 8)), False),
        (networks.VAEGANEncoder(outputs=3, widths=(2,), dense=4), False),
    ],
)
def test_a_code_depends_on_other_images_only_through_batch_norm(network, alone, drawn):
    params = drawn(network, IMAGES)
    codes = network.apply({"params": params}, IMAGES)
    others = network.apply({"params": params}, IMAGES.at[1:].multiply(0.5))
    assert (float(jnp.abs(codes[0] - others[0]).max()) < 1e-6) == alone


def test_codes_lie_where_latents_do(drawn):
    bounded = networks.BiGANEncoder(outputs=3, hidden=(8, 8))
    params = jax.tree.map(lambda leaf: 100 * leaf, drawn(bounded, IMAGES))
    codes = bounded.apply({"params": params}, IMAGES)
    assert float(jnp.abs(codes).max()) <= 1
    free = bounded.clone(code="linear").apply({"params": params}, IMAGES)
    np.testing.assert_allclose(codes, np.tanh(free), rtol=1e-5)
    with pytest.raises(UserError, match="code='circle' does not exist"):
        bounded.clone(code="circle").init(jax.random.key(0), IMAGES)
    with pytest.raises(UserError, match="norm='instance' does not exist"):
        bounded.clone(norm="instance").init(jax.random.key(0), IMAGES)


def test_infogan_begins_as_its_program_does():
    """Weights from N(0, 0.02), gains of norms from N(1, 0.02); what is below 0 counts a hundredth in its config."""
    discriminator = networks.InfoGANDiscriminator(widths=(16, 64), width=512)
    generator = networks.InfoGANGenerator(output_shape=(16, 16, 1), width=512, widths=(64, 64))
    for network, inputs in ((discriminator, IMAGES), (generator, jnp.ones((4, 20)))):
        params = network.init(jax.random.key(0), inputs)["params"]
        gains = jnp.concatenate([layer["scale"] for layer in params.values() if "scale" in layer])
        np.testing.assert_allclose([gains.mean(), gains.std()], [1, 0.02], rtol=0.15)
        assert float(gains.mean()) == pytest.approx(1, abs=0.005)
        assert float(params["hidden"]["kernel"].std()) == pytest.approx(0.02, rel=0.05)
    players = infogan.get_config("paper").players
    assert players.discriminator.network.slope == players.code_head.network.slope == 0.01
