"""Improved GAN's networks: parameters of the released programs, weight norm and virtual batch norm against torch."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import (
    ImprovedDiscriminator,
    ImprovedGenerator,
    ImprovedMLPDiscriminator,
    ImprovedMLPGenerator,
)


def test_parameters_on_mnist(count):
    # 100-500-500-784: offsets of batch norm for biases, then a kernel with weight norm: a scale and a bias per output.
    assert count(ImprovedMLPGenerator((28, 28, 1)), (2, 100)) == 100 * 500 + 500 * 500 + 2 * 500 + 502 * 784
    widths = (784, 1000, 500, 250, 250, 250, 10)
    expected = sum((inputs + 2) * outputs for inputs, outputs in itertools.pairwise(widths))
    assert count(ImprovedMLPDiscriminator(10), (2, 28, 28, 1)) == expected == 1_541_020


def test_parameters_on_cifar(count):
    kernels = 100 * 8192 + 25 * (512 * 256 + 256 * 128 + 128 * 3)
    assert count(ImprovedGenerator((32, 32, 3)), (2, 100)) == kernels + 8192 + 256 + 128 + 2 * 3 == 4_933_382
    layers = [(3, 96, 9), (96, 96, 9), (96, 96, 9), (96, 192, 9), (192, 192, 9), (192, 192, 9)]
    layers += [(192, 192, 9), (192, 192, 1), (192, 192, 1)]
    body = sum((taps * inputs + 2) * outputs for inputs, outputs, taps in layers)
    assert count(ImprovedDiscriminator(10), (2, 32, 32, 3)) == body + (192 + 2) * 10 == 1_408_244
    # 100 kernels of 5 dimensions: directions, log scales and offsets
    minibatch = 192 * 500 + 500 + 100
    assert count(ImprovedDiscriminator(10, kernels=100), (2, 32, 32, 3)) == body + minibatch + (292 + 2) * 10


@pytest.mark.parametrize(("size", "base"), [(16, 4), (28, 7)])
def test_sizes(size, base, shapes):
    params = shapes(ImprovedGenerator((size, size, 1), widths=(6, 4)), (2, 5))
    assert params["project"]["kernel"].shape == (5, base * base * 6)
    image = jax.ShapeDtypeStruct((2, size, size, 1), jnp.float32)
    network = ImprovedDiscriminator(class_logits=3, width=2)
    init = lambda key, x: network.init_with_output(key, x, features=True)[0]  # noqa: E731
    score, features, logits, _ = jax.eval_shape(init, jax.random.key(0), image)
    assert score is None
    assert (logits.shape, features.shape) == ((2, 3), (2, 4))


def weight_norm(layer):
    """g v / ||v|| per output, where the program adds 1e-6 to the squared length, and the bias."""
    v = np.asarray(layer["kernel"], np.float64)
    length = np.sqrt(np.square(v).sum(tuple(range(v.ndim - 1))) + 1e-6)
    return (np.asarray(layer["scale"]) / length * v).astype(np.float32), np.asarray(layer["bias"])


def test_classifier_of_digits(drawn, run, normal):
    network = ImprovedMLPDiscriminator(class_logits=3, hidden=(7, 5))
    x = normal(4, 2, 3)
    params = drawn(network, x)
    h = np.asarray(x).reshape(4, 6)
    for name in ("hidden_0", "hidden_1"):
        kernel, bias = weight_norm(params[name])
        h = np.maximum(h @ kernel + bias, 0)
    kernel, bias = weight_norm(params["logits"])
    _, features, logits, _ = network.apply({"params": params}, x, features=True)
    np.testing.assert_allclose(features, h, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, h @ kernel + bias, rtol=1e-4, atol=1e-5)
    score, features, again, _ = run(network, params, x)
    assert score is None
    assert features is None
    np.testing.assert_allclose(again, logits, rtol=1e-5)


def test_generator_of_digits(drawn, run, normal):
    network = ImprovedMLPGenerator(output_shape=(2, 2), hidden=(5,))
    z = normal(4, 3)
    params = drawn(network, z)
    h = np.asarray(z) @ np.asarray(params["hidden_0"]["kernel"])
    h = np.log1p(np.exp((h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5) + np.asarray(params["norm_0"]["bias"])))
    kernel, bias = weight_norm(params["output"])
    expected = 2 / (1 + np.exp(-(h @ kernel + bias))) - 1
    np.testing.assert_allclose(run(network, params, z), expected.reshape(4, 2, 2), rtol=1e-4, atol=1e-5)


def test_only_the_direction_of_a_kernel_counts(drawn, run, normal):
    network = ImprovedMLPDiscriminator(class_logits=3, hidden=(7,))
    x = normal(4, 2, 3)
    params = drawn(network, x)
    longer = jax.tree_util.tree_map_with_path(lambda path, leaf: 3 * leaf if path[-1].key == "kernel" else leaf, params)
    logits, expected = (run(network, given, x).class_logits for given in (longer, params))
    np.testing.assert_allclose(logits, expected, rtol=1e-4)


@pytest.mark.parametrize("kernels", [0, 2])
def test_classifier_of_photos_agrees_with_torch(kernels, drawn, normal):
    torch = pytest.importorskip("torch")
    x = normal(3, 12, 16, 2)
    network = ImprovedDiscriminator(class_logits=4, width=3, kernels=kernels)
    params = drawn(network, x)
    h = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))
    strides_and_padding = [(1, 1), (1, 1), (2, 1), (1, 1), (1, 1), (2, 1), (1, 0), (1, 0), (1, 0)]
    for index, (stride, padding) in enumerate(strides_and_padding):
        kernel, bias = weight_norm(params[f"conv_{index // 3}_{index % 3}"])
        weight = torch.tensor(kernel.transpose(3, 2, 0, 1))
        h = torch.nn.functional.conv2d(h, weight, torch.tensor(bias), stride, padding)
        h = torch.nn.functional.leaky_relu(h, 0.2)
    pooled = h.mean((2, 3)).numpy()
    _, features, logits, _ = jax.jit(lambda x: network.apply({"params": params}, x, features=True))(x)
    np.testing.assert_allclose(features[:, :6], pooled, rtol=1e-4, atol=1e-5)
    assert features.shape == (3, 6 + kernels)
    kernel, bias = weight_norm(params["logits"])
    np.testing.assert_allclose(logits, np.asarray(features) @ kernel + bias, rtol=1e-4, atol=1e-5)


SMALL = ImprovedGenerator((8, 8, 2), widths=(4, 3))


def test_generator_of_photos_agrees_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    z = normal(5, 6)
    params = drawn(SMALL, z)

    def activate(h, name):  # batch norm without gains, then ReLU
        return functional.relu(
            functional.batch_norm(h, None, None, None, torch.tensor(np.asarray(params[name]["bias"])), True)
        )

    h = activate(torch.tensor(np.asarray(z) @ np.asarray(params["project"]["kernel"])), "norm_0")
    h = h.reshape(5, 2, 2, 4).permute(0, 3, 1, 2)
    up = torch.tensor(np.asarray(params["up_1"]["kernel"]).transpose(2, 3, 0, 1))
    h = activate(functional.conv_transpose2d(h, up, None, 2, 2, 1), "norm_1")
    kernel, bias = weight_norm(params["to_image"])
    y = functional.conv_transpose2d(h, torch.tensor(kernel.transpose(2, 3, 0, 1)), torch.tensor(bias), 2, 2, 1)
    expected = torch.tanh(y).numpy().transpose(0, 2, 3, 1)
    assert expected.std() > 0.1
    np.testing.assert_allclose(run(SMALL, params, z), expected, atol=2e-5)


def test_a_reference_batch_frees_images_from_their_batch(drawn, run, normal):
    z, reference = normal(4, 6), normal(7, 6)
    params = drawn(SMALL, z)
    images = run(SMALL, params, z, reference)
    assert images.shape == (4, 8, 8, 2)
    changed = run(SMALL, params, z.at[1].add(1.0), reference)
    np.testing.assert_array_equal(np.abs(images - changed).max((1, 2, 3)) > 1e-6, [False, True, False, False])
    assert np.abs(images - run(SMALL, params, z, -reference)).max() > 1e-3
    # One image is that which batch norm makes of it beside the reference, as far as the first layer's statistics go:
    # a reference of copies of one latent, and that latent, is a batch of copies. Its first variances are 0: divided by less
    # than a tenth, rounding would be seen.
    copies, coarse = jnp.tile(z[:1], (5, 1)), SMALL.clone(norm_epsilon=0.1)
    np.testing.assert_allclose(run(coarse, params, z[:1], copies[:4])[0], run(coarse, params, copies)[0], atol=1e-5)


def test_noise_follows_the_key(drawn, normal):
    x = normal(3, 16, 16, 1)
    for network in (
        ImprovedMLPDiscriminator(hidden=(5,), class_logits=3),
        ImprovedDiscriminator(width=2, class_logits=3),
        ImprovedDiscriminator(width=2, class_logits=3, kernels=2),
    ):
        params = drawn(network, x)
        judge = jax.jit(
            lambda key, network=network, params=params: (
                network.apply({"params": params}, x, rngs={"dropout": key}).class_logits
            )
        )
        first, again, other = (judge(jax.random.key(seed)) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-4


def test_initial_scale(initialised):
    # By He's rule unit inputs keep their mean square from layer to layer, without a first batch of data.
    x = jnp.asarray(np.random.default_rng(0).standard_normal((64, 200), np.float32))
    network = ImprovedMLPDiscriminator(class_logits=20, hidden=(400, 300, 200))
    params = initialised(network, x)
    _, features, *_ = network.apply({"params": params}, x, features=True)
    np.testing.assert_allclose(np.square(features).mean(), 1.0, rtol=0.25)
    assert np.all(params["logits"]["scale"] == 1.0)


@pytest.mark.parametrize("network", [ImprovedMLPDiscriminator(hidden=(5,)), ImprovedDiscriminator(width=2)])
def test_classes_must_be_known(network, shapes):
    with pytest.raises(UserError, match="does not know the number of classes; set class_logits"):
        shapes(network, (2, 16, 16, 1))


def test_by_data_every_output_begins_with_mean_0_and_the_deviation_of_the_program(initialised, normal):
    """Salimans and Kingma 2016 (arXiv:1602.07868), section 3: checked on the minibatch, layer by layer, in numpy."""
    x = 3 * normal(50, 2, 3) + 1
    network = ImprovedMLPDiscriminator(class_logits=3, hidden=(7, 5), data_init=True)
    params = initialised(network, x)
    h = np.asarray(x).reshape(50, 6)
    for name in ("hidden_0", "hidden_1", "logits"):
        kernel, bias = weight_norm(params[name])
        h = h @ kernel + bias
        np.testing.assert_allclose(h.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(h.std(0), 1, rtol=1e-4)
        # The directions are as they are without data.
        plain = initialised(ImprovedMLPDiscriminator(class_logits=3, hidden=(7, 5)), x)
        np.testing.assert_allclose(params[name]["kernel"], plain[name]["kernel"], rtol=1e-5)
        h = np.maximum(h, 0)
    # Once begun, the network is what it was: data change nothing when it is applied.
    first, other = (network.apply({"params": params}, given).class_logits[:1] for given in (x, x[:1]))
    np.testing.assert_allclose(first, other, rtol=1e-4, atol=1e-6)


def test_by_data_convolutions_too(initialised, normal):
    x = 2 * normal(6, 12, 12, 2) - 1
    network = ImprovedDiscriminator(class_logits=4, width=3, data_init=True)
    params = initialised(network, x)
    h = np.asarray(x, np.float64)
    strides_and_padding = [(1, 1), (1, 1), (2, 1), (1, 1), (1, 1), (2, 1), (1, 0), (1, 0), (1, 0)]
    for index, (stride, padding) in enumerate(strides_and_padding):
        kernel, bias = weight_norm(params[f"conv_{index // 3}_{index % 3}"])
        side = kernel.shape[0]
        padded = np.pad(h, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        places = range(0, padded.shape[1] - side + 1, stride)
        windows = np.array([[padded[:, i : i + side, j : j + side] for j in places] for i in places])
        h = np.einsum("ijbhwc,hwcd->bijd", windows, kernel) + bias
        np.testing.assert_allclose(h.mean((0, 1, 2)), 0, atol=1e-5)
        np.testing.assert_allclose(h.std((0, 1, 2)), 1, rtol=1e-4)
        h = np.maximum(h, 0.2 * h)
    kernel, bias = weight_norm(params["logits"])
    logits = h.mean((1, 2)) @ kernel + bias
    np.testing.assert_allclose(logits.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(logits.std(0), 0.1, rtol=1e-3)


def test_by_data_the_image_of_a_generator_begins_near_grey(initialised, run, normal):
    z = normal(40, 6)
    network = ImprovedGenerator((8, 8, 2), widths=(4, 3), data_init=True)
    # tanh of what has mean 0 and deviation 0.1 in each channel
    before = np.arctanh(np.asarray(run(network, initialised(network, z), z), np.float64))
    np.testing.assert_allclose(before.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(before.std((0, 1, 2)), 0.1, rtol=1e-3)


def test_what_does_not_vary_begins_as_without_data(initialised):
    x = jnp.ones((4, 6))
    by_data, plain = (
        initialised(ImprovedMLPDiscriminator(class_logits=3, hidden=(), data_init=given), x) for given in (True, False)
    )
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), by_data, plain)


def test_one_image_is_no_data_to_begin_by(normal):
    network = ImprovedMLPDiscriminator(3, (4,), data_init=True)
    with pytest.raises(
        UserError, match=r"^hidden_0: data_init compares .* give game\.init a minibatch of data, or set"
    ):
        network.init(jax.random.key(0), normal(1, 6))
