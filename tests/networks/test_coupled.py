"""Networks of several domains: which parameters are one, what a gradient by one domain moves, and published sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import (
    CodeClassifier,
    CoGANDiscriminator,
    CoGANGenerator,
    DiscoGANDiscriminator,
    DiscoGANTranslator,
    FaderDecoder,
    FaderEncoder,
    UNITDecoder,
    UNITEncoder,
    XGANDecoder,
    XGANEncoder,
)

SHAPE = (8, 8, 1)
NETWORKS = {
    "CoGANGenerator": (CoGANGenerator, {"output_shape": SHAPE, "widths": (4, 3)}, (2, 5)),
    "CoGANDiscriminator": (CoGANDiscriminator, {"widths": (2, 3), "hidden": 4}, (2, 20, 20, 1)),
    "UNITEncoder": (UNITEncoder, {"width": 2, "downsamples": 1, "blocks": 1}, (2, *SHAPE)),
    "UNITDecoder": (UNITDecoder, {"output_shape": SHAPE, "downsamples": 1, "blocks": 1}, (2, 4, 4, 4)),
    "XGANEncoder": (XGANEncoder, {"widths": (2, 3), "own": 1, "hidden": (5,)}, (2, *SHAPE)),
    "XGANDecoder": (XGANDecoder, {"output_shape": SHAPE, "widths": (3, 2), "own": 1}, (2, 5)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_comes_out_is_float32_whatever_is_computed_in(name, drawn, normal):
    network, fields, shape = NETWORKS[name]
    network, x = network(**fields, dtype=jnp.bfloat16), normal(*shape)
    params = jax.eval_shape(lambda: network.init(jax.random.key(0), x))["params"]
    for domain in "ab":
        out = jax.eval_shape(lambda params, domain=domain: network.apply({"params": params}, x, domain), params)
        assert out.dtype == jnp.float32


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gradient_by_one_domain_moves_its_own_layers_and_those_that_are_one(name, normal, drawn):
    made, fields, shape = NETWORKS[name]
    x = normal(*shape)
    for tied, parts in (
        (("inner",), {"inner", "outer_a", "outer_b"}),
        ((), {"inner_a", "inner_b", "outer_a", "outer_b"}),
        (("inner", "outer"), {"inner", "outer", "told"}),
    ):
        network = made(**fields, tied=tied)
        params = drawn(network, x)
        assert set(params) == parts
        for domain, stranger in (("a", "_b"), ("b", "_a")):

            def value(params, network=network, domain=domain):
                made = network.apply({"params": params}, x, domain).ravel()
                return (made * jnp.linspace(0.5, 1.5, made.size)).sum()

            gradient = jax.grad(value)(params)
            for part, below in gradient.items():
                largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(below))
                assert (largest == 0) == part.endswith(stranger), (name, tied, part)


def test_a_single_network_is_told_the_domain(normal, drawn):
    x = normal(2, *SHAPE)
    network = UNITEncoder(width=2, downsamples=1, blocks=1, tied=("inner", "outer"))
    params = drawn(network, x)
    a, b = (network.apply({"params": params}, x, domain) for domain in "ab")
    assert float(jnp.abs(a - b).max()) > 1e-4
    kernel = params["told"]["kernel"].at[1:].set(0)  # deaf to the domain
    params = params | {"told": params["told"] | {"kernel": kernel}}
    a, b = (network.apply({"params": params}, x, domain) for domain in "ab")
    np.testing.assert_array_equal(a, b)


def test_coupled_networks_refuse_an_unknown_part(shapes):
    with pytest.raises(UserError, match=r"UNITEncoder: tied=\('middle',\), but it may name 'outer' and 'inner' alone"):
        shapes(UNITEncoder(tied=("middle",)), (2, *SHAPE))
    with pytest.raises(UserError, match="XGANDecoder: own=3 of 2 doublings: choose 1 to 2"):
        shapes(XGANDecoder(SHAPE, widths=(3, 2), own=3), (2, 5))


def test_networks_refuse_sides_that_cannot_be_halved(shapes):
    for network in (UNITEncoder(), XGANEncoder(), FaderEncoder(), DiscoGANTranslator((6, 6, 1))):
        with pytest.raises(UserError, match="6x6 cannot be halved"):
            shapes(network, (2, 6, 6, 1))


def test_the_published_cogan(count, shapes):
    """The authors' MNIST networks: maps of 4, 7, 13, 25 and 28; PReLU has one number, batch norm none."""
    network = CoGANGenerator((28, 28, 1))
    sizes = [100 * 1024 * 16 + 1024, 1024 * 512 * 9 + 512, 512 * 256 * 9 + 256, 256 * 128 * 9 + 128]
    assert count(network, (1, 100)) == sum(sizes) + 4 + 2 * (128 * 36 + 1)
    params = shapes(network, (1, 100))
    assert params["inner"]["first_map"]["kernel"].shape == (4, 4, 100, 1024)
    fronts, shared = 2 * (25 * 20 + 20), (25 * 20 * 50 + 50) + (4 * 4 * 50 * 500 + 500) + 1 + 501
    assert count(CoGANDiscriminator(), (1, 28, 28, 1)) == fronts + shared


@pytest.mark.parametrize("side", [16, 28, 30, 64])
def test_cogan_makes_images_of_any_side(side):
    network = CoGANGenerator((side, side + 1, 3), widths=(4, 3, 2))
    z = jax.ShapeDtypeStruct((2, 5), jnp.float32)
    made = jax.eval_shape(lambda key, z: network.init_with_output(key, z)[0], jax.random.key(0), z)
    assert made.shape == (2, side, side + 1, 3)


def test_the_published_discogan(count):
    convolutions = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
    assert count(DiscoGANDiscriminator(), (1, 64, 64, 3)) == convolutions + 2 * (128 + 256 + 512) + 512 * 16
    norms = 2 * (128 + 256 + 512) + 2 * (256 + 128 + 64)
    assert count(DiscoGANTranslator((64, 64, 3)), (1, 64, 64, 3)) == 2 * convolutions + norms


def test_features_of_discogan_weigh_each_map_alike(normal, drawn, run):
    network = DiscoGANDiscriminator(widths=(2, 3, 5), norm="none")
    x = normal(2, 16, 16, 1)
    params = drawn(network, x)
    features = np.asarray(network.apply({"params": params}, x, features=True).features, np.float64)
    maps = [x]
    for index in range(3):
        maps.append(np.asarray(_leaky(_conv(maps[-1], params[f"conv_{index}"]["kernel"]))))
    expected = sum(np.square(one.reshape(2, -1)).mean() for one in maps[2:])
    assert np.square(features).mean() == pytest.approx(expected, rel=1e-4)


def _conv(x, kernel):
    from jax import lax

    return lax.conv_general_dilated(x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _leaky(x):
    return jnp.where(x > 0, x, 0.2 * x)


def test_a_fader_decoder_hears_attributes_in_every_layer(shapes):
    params = shapes(FaderDecoder((16, 16, 1), widths=(4, 6, 8)), (2, 2, 2, 8), (2, 3))
    inputs = {name: layer["kernel"].shape[2] for name, layer in params.items() if "kernel" in layer}
    assert inputs == {"up_0": 8 + 6, "up_1": 6 + 6, "to_image": 4 + 6}  # two planes for each of three attributes


def test_the_default_fader_leaves_a_code_of_512_maps(count):
    code = jax.eval_shape(
        lambda key, x: FaderEncoder().init_with_output(key, x)[0],
        jax.random.key(0),
        jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32),
    )
    assert code.shape == (1, 4, 4, 512)
    network = CodeClassifier(widths=(512, 512), hidden=(512,), norm="batch", class_logits=1)
    convolutions = 2 * (16 * 512 * 512 + 3 * 512)
    assert count(network, (1, 4, 4, 512)) == convolutions + 512 * 512 + 512 + 513


@pytest.mark.parametrize(("widths", "dropped"), [((8,), "down_0"), ((), "hidden_0")])
def test_what_reads_codes_drops_of_its_convolutions_or_without_them_of_its_dense_layers(widths, dropped):
    """With weights of 0 and biases of 1 a layer gives 1, and what is left of it with a dropout of a half is 0 or 2."""
    network = CodeClassifier(widths=widths, hidden=(64,), dropout_rate=0.5, class_logits=1)
    code = jnp.ones((4, 2, 2, 8))
    params = jax.tree.map(jnp.zeros_like, network.init(jax.random.key(0), code)["params"])
    params[dropped]["bias"] += 1
    above = "hidden_0" if widths else "class_logits"
    params[above]["kernel"] += 1
    if widths:
        params["class_logits"]["kernel"] += 1
    logits = network.apply({"params": params}, code, rngs={"dropout": jax.random.key(1)}).class_logits
    # Every image has lost others; and the dense layer behind convolutions, whose 64 units are alike, loses none.
    shares = logits / network.apply({"params": params}, code).class_logits
    assert 0.2 < float(shares.min()) < float(shares.max()) < 1.8
    np.testing.assert_allclose(shares * (4 if widths else 32), np.round(shares * (4 if widths else 32)), atol=1e-4)
