"""What every discriminator of a game that looks at features promises: they are what its last layer is linear in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from jaxgan.layers import Verdict

LABEL = jnp.array([0, 2, 1])

# name: (network, shape of the images, labels, path of the last layer, number of features)
CASES = {
    "mlp": (networks.MLPDiscriminator(hidden=(5, 4)), (4, 4, 1), (), ("output",), 4),
    "dcgan": (networks.DCGANDiscriminator(width=2), (16, 16, 1), (), ("logit",), 4 * 4 * 4),
    "dcgan, torch": (networks.DCGANDiscriminator(width=2, layout="torch"), (16, 16, 1), (), ("logit",), 4 * 4 * 4),
    "resnet": (networks.ResNetDiscriminator((2, 3), pooling="sum"), (8, 8, 3), (), ("head", "logit"), 3),
    "maxout": (networks.MaxoutDiscriminator(units=(4, 3), pieces=2), (4, 4, 1), (), ("output",), 3),
    "sndcgan": (networks.SNDCGANDiscriminator(widths=(2, 3, 4)), (16, 16, 1), (), ("logit",), 4 * 4 * 4),
    "r3gan": (networks.R3GANDiscriminator((4, 2), blocks=1, group_width=2), (8, 8, 1), (), ("logit",), 4),
}


@pytest.mark.parametrize("name", CASES)
def test_logits_are_linear_in_the_features(name, drawn):
    network, shape, labels, path, number = CASES[name]
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (3, *shape)), jnp.float32)
    params = drawn(network, x, *labels)
    both = jax.jit(
        lambda params: (network.apply({"params": params}, x), network.apply({"params": params}, x, features=True))
    )
    logits, verdict = both(params)
    assert isinstance(verdict, Verdict)
    assert verdict.class_logits is None
    same, features, *_ = verdict
    np.testing.assert_array_equal(logits, same)
    assert features.shape == (3, number)
    assert features.dtype == logits.dtype == jnp.float32
    for key in path:
        params = params[key]
    kernel, bias = np.asarray(params["kernel"]).reshape(number), params.get("bias", 0)
    np.testing.assert_allclose(logits, features @ kernel + bias, rtol=1e-4, atol=1e-5)
    assert np.std(features, axis=0).max() > 0


@pytest.mark.parametrize(
    "network",
    [
        networks.ResNetDiscriminator((2, 3), projected_classes=3),
        networks.R3GANDiscriminator((4, 2), blocks=1, group_width=2, projected_classes=3),
        networks.BigGANDiscriminator(width=1, attention=(), projected_classes=3),
    ],
)
def test_features_do_not_depend_on_the_label(network, drawn):
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)), jnp.float32)
    params = drawn(network, x, LABEL)
    run = jax.jit(lambda label: network.apply({"params": params}, x, label, features=True))
    one, other = run(LABEL), run(2 - LABEL)
    np.testing.assert_array_equal(one.features, other.features)
    np.testing.assert_array_equal(LABEL != 2 - LABEL, one.score != other.score)


# Networks in bfloat16: what they return is float32, and yet products are not.
BFLOAT16 = [
    (networks.MaxoutGANGenerator((28, 28, 1), hidden=(3,), dtype="bfloat16"), (2, 5)),
    (networks.MaxoutDiscriminator(units=(3,), dtype="bfloat16"), (2, 4, 4, 1)),
    (networks.MLPGenerator((28, 28, 1), hidden=(3,), norm="batch", dtype="bfloat16"), (2, 5)),
    (networks.SNDCGANGenerator((16, 16, 1), widths=(4, 3, 2), dtype="bfloat16"), (2, 5)),
    (networks.SNDCGANDiscriminator(widths=(2, 3), dtype="bfloat16"), (2, 16, 16, 1)),
    (networks.MLPAutoencoder(hidden=(5, 3), dtype="bfloat16"), (2, 4, 4, 1)),
    (networks.ConvAutoencoder(widths=(2, 3), dtype="bfloat16"), (2, 16, 16, 1)),
    (networks.BEGANGenerator((16, 16, 1), width=2, dtype="bfloat16"), (2, 5)),
    (networks.BEGANAutoencoder(width=2, hidden=3, dtype="bfloat16"), (2, 16, 16, 1)),
    (networks.ImprovedMLPGenerator((28, 28, 1), hidden=(3,), dtype="bfloat16"), (2, 5)),
    (networks.ImprovedMLPDiscriminator(10, hidden=(3,), dtype="bfloat16"), (2, 4, 4, 1)),
    (networks.ImprovedGenerator((16, 16, 1), widths=(3, 2), dtype="bfloat16"), (2, 5)),
    (networks.ImprovedDiscriminator(10, width=2, kernels=3, dtype="bfloat16"), (2, 16, 16, 1)),
    (networks.R3GANGenerator((8, 8, 1), widths=(4, 2), group_width=2, dtype="bfloat16"), (2, 5)),
    (networks.R3GANDiscriminator((4, 2), group_width=2, dtype="bfloat16"), (2, 8, 8, 1)),
]


@pytest.mark.parametrize(("network", "shape"), BFLOAT16, ids=lambda value: getattr(type(value), "__name__", ""))
def test_bfloat16(network, shape, shapes):
    params = shapes(network, shape)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    traced = jax.jit(lambda params, x: network.apply({"params": params}, x)).trace(params, x)
    assert jax.tree.leaves(traced.out_info)[0].dtype == jnp.float32
    program = str(traced.jaxpr).splitlines()
    products = [line for line in program if "conv_general_dilated[" in line or "dot_general[" in line]
    narrow = [line for line in products if ":bf16[" in line]
    # All but the last layer of a discriminator, and minibatch discrimination.
    assert len(narrow) >= len(products) - 2
    assert narrow
