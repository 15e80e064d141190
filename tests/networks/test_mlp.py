"""Multilayer perceptrons against matrices multiplied by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import ConditionalMLPDiscriminator, ConditionalMLPGenerator, MLPDiscriminator, MLPGenerator


def test_parameters_of_the_first_gan(count):
    # 64-256-256-784 and 784-256-256-1
    assert count(MLPGenerator((28, 28, 1)), (2, 64)) == 65 * 256 + 257 * 256 + 257 * 784
    assert count(MLPDiscriminator(), (2, 28, 28, 1)) == 785 * 256 + 257 * 256 + 257


def test_generator_is_the_product_of_its_matrices(drawn, run, normal):
    network = MLPGenerator(output_shape=(2, 3), hidden=(7, 5), activation="leaky_relu", output="tanh")
    z = normal(4, 6)
    params = drawn(network, z)
    x = np.asarray(z)
    for layer in ("hidden_0", "hidden_1"):
        x = x @ np.asarray(params[layer]["kernel"]) + np.asarray(params[layer]["bias"])
        x = np.where(x > 0, x, 0.2 * x)
    x = np.tanh(x @ np.asarray(params["output"]["kernel"]) + np.asarray(params["output"]["bias"]))
    np.testing.assert_allclose(run(network, params, z), x.reshape(4, 2, 3), rtol=1e-5, atol=1e-6)


def test_discriminator_is_the_product_of_its_matrices(drawn, run, normal):
    network = MLPDiscriminator(hidden=(7,), activation="relu")
    x = normal(4, 2, 3)
    params = drawn(network, x)
    hidden, output = jax.tree.map(np.asarray, (params["hidden_0"], params["output"]))
    h = np.maximum(np.asarray(x).reshape(4, 6) @ hidden["kernel"] + hidden["bias"], 0)
    expected = (h @ output["kernel"] + output["bias"])[:, 0]
    np.testing.assert_allclose(run(network, params, x), expected, rtol=1e-5, atol=1e-6)


def test_no_hidden_layer_is_affine(drawn, run, normal):
    network = MLPGenerator(output_shape=(2,), hidden=(), output="linear")
    a, b = normal(2, 4, 3)
    params = drawn(network, a)
    f = lambda z: np.asarray(run(network, params, z))  # noqa: E731
    np.testing.assert_allclose(f(0.3 * a + 0.7 * b), 0.3 * f(a) + 0.7 * f(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fields", [{"activation": "swish"}, {"output": "sigmoid"}])
def test_unknown_names_are_errors_that_list_the_known(fields, shapes):
    with pytest.raises(ValueError, match=r"choose one of.*'tanh'"):
        shapes(MLPGenerator((2,), **fields), (2, 3))


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def test_a_class_has_a_vector_beside_the_latent(drawn, run, normal):
    network = ConditionalMLPGenerator(output_shape=(2, 3), hidden=(7,), embedded_classes=4, embedding_size=5)
    z, label = normal(4, 6), jnp.array([3, 0, 1, 3])
    params = jax.tree.map(np.asarray, drawn(network, z, label))
    x = np.concatenate([np.asarray(z), params["embedding"]["embedding"][np.asarray(label)]], axis=1)
    x = leaky(x @ params["hidden_0"]["kernel"] + params["hidden_0"]["bias"])
    x = np.tanh(x @ params["output"]["kernel"] + params["output"]["bias"])
    np.testing.assert_allclose(run(network, params, z, label), x.reshape(4, 2, 3), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("separate", [False, True])
def test_the_class_joins_the_image_at_once_or_behind_the_realness(separate, drawn, run, normal):
    network = ConditionalMLPDiscriminator(hidden=(7, 5), separate=separate, embedded_classes=4, embedding_size=3)
    x, label = normal(4, 2, 3), jnp.array([3, 0, 1, 3])
    params = jax.tree.map(np.asarray, drawn(network, x, label))
    vector = params["embedding"]["embedding"][np.asarray(label)]
    flat = np.asarray(x).reshape(4, 6)
    h = leaky(
        (flat if separate else np.concatenate([flat, vector], axis=1)) @ params["hidden_0"]["kernel"]
        + params["hidden_0"]["bias"]
    )
    both = leaky(
        (np.concatenate([h, vector], axis=1) if separate else h) @ params["hidden_1"]["kernel"]
        + params["hidden_1"]["bias"]
    )
    last = {name: value["kernel"][:, 0] for name, value in params.items() if name in ("output", "match")}
    verdict = run(network, params, x, label)
    score = (h if separate else both) @ last["output"] + params["output"]["bias"]
    np.testing.assert_allclose(verdict.score if separate else verdict, score, rtol=1e-5, atol=1e-5)
    if separate:
        np.testing.assert_allclose(verdict.match, both @ last["match"] + params["match"]["bias"], rtol=1e-5, atol=1e-5)


def test_two_scores_need_a_class_and_room_for_it(shapes):
    for fields in ({"hidden": (8, 8)}, {"hidden": (8,), "embedded_classes": 3}):
        network = ConditionalMLPDiscriminator(separate=True, **fields)
        with pytest.raises(UserError, match=r"separate=True\) needs labels, and a hidden layer before"):
            shapes(network, (2, 4), *(["label"] if network.embedded_classes else []))
