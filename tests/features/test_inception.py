"""Inception-v3 of 2015 against a network written here from its layer table, against torch-fidelity, and its odd layers."""

import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.features import inception
from jaxgan.features.resize import resize

TAPS = {"64": 64, "192": 192, "768": 768, "2048": 2048, "logits": 1008, "logits_unbiased": 1008}


class Reference:
    """The network in torch.nn.functional by its layer table; a layer's weights are drawn when it is first used."""

    def __init__(self, torch):
        self.torch, self.f = torch, torch.nn.functional
        self.state: dict[str, np.ndarray] = {}
        self.random = np.random.default_rng(0)

    def draw(self, name, *shape, low=-1.0, high=1.0):
        if name not in self.state:
            self.state[name] = self.random.uniform(low, high, shape).astype(np.float32)
        return self.torch.tensor(self.state[name])

    def unit(self, x, name, width, kernel=1, stride=1, pad=0):
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        fan = x.shape[1] * kernel[0] * kernel[1]
        weight = self.draw(
            f"{name}.conv.weight", width, x.shape[1], *kernel, low=-((6 / fan) ** 0.5), high=(6 / fan) ** 0.5
        )
        gain, offset = self.draw(f"{name}.bn.weight", width, low=0.5), self.draw(f"{name}.bn.bias", width) * 0.1
        self.state[f"{name}.bn.bias"] = offset.numpy()
        mean, variance = (
            self.draw(f"{name}.bn.running_mean", width),
            self.draw(f"{name}.bn.running_var", width, low=0.5, high=2),
        )
        self.state[f"{name}.bn.num_batches_tracked"] = np.array(7)
        x = self.f.conv2d(x, weight, stride=stride, padding=pad)
        return self.f.relu(self.f.batch_norm(x, mean, variance, gain, offset, training=False, eps=1e-3))

    def chain(self, x, name, *layers):
        for suffix, layer in zip(layers[::2], layers[1::2], strict=True):
            x = self.unit(x, name + suffix, *layer)
        return x

    def average(self, x):
        return self.f.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

    def __call__(self, x):
        cat, maximum = lambda *xs: self.torch.cat(xs, 1), lambda x: self.f.max_pool2d(x, 3, stride=2)
        chain, unit, taps = self.chain, self.unit, {}
        x = unit(x, "Conv2d_1a_3x3", 32, 3, 2)
        x = unit(x, "Conv2d_2a_3x3", 32, 3)
        x = maximum(unit(x, "Conv2d_2b_3x3", 64, 3, 1, 1))
        taps["64"] = x
        x = maximum(unit(unit(x, "Conv2d_3b_1x1", 80), "Conv2d_4a_3x3", 192, 3))
        taps["192"] = x
        for block, width in [("5b", 32), ("5c", 64), ("5d", 64)]:
            name = f"Mixed_{block}.branch"
            x = cat(
                chain(x, name, "1x1", (64,)),
                chain(x, name, "5x5_1", (48,), "5x5_2", (64, 5, 1, 2)),
                chain(x, name, "3x3dbl_1", (64,), "3x3dbl_2", (96, 3, 1, 1), "3x3dbl_3", (96, 3, 1, 1)),
                chain(self.average(x), name, "_pool", (width,)),
            )
        name = "Mixed_6a.branch"
        double = chain(x, name, "3x3dbl_1", (64,), "3x3dbl_2", (96, 3, 1, 1), "3x3dbl_3", (96, 3, 2))
        x = cat(chain(x, name, "3x3", (384, 3, 2)), double, maximum(x))
        for block, c7 in [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)]:
            name, row, column = f"Mixed_{block}.branch7x7", ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
            seven = chain(x, name, "_1", (c7,), "_2", (c7, *row), "_3", (192, *column))
            double = chain(x, name, "dbl_1", (c7,), "dbl_2", (c7, *column), "dbl_3", (c7, *row))
            double = chain(double, name, "dbl_4", (c7, *column), "dbl_5", (192, *row))
            one = unit(x, f"Mixed_{block}.branch1x1", 192)
            x = cat(one, seven, double, unit(self.average(x), f"Mixed_{block}.branch_pool", 192))
        taps["768"] = x
        name = "Mixed_7a.branch"
        three = chain(x, name, "3x3_1", (192,), "3x3_2", (320, 3, 2))
        seven = chain(
            x, name, "7x7x3_1", (192,), "7x7x3_2", (192, (1, 7), 1, (0, 3)), "7x7x3_3", (192, (7, 1), 1, (3, 0))
        )
        x = cat(three, unit(seven, "Mixed_7a.branch7x7x3_4", 192, 3, 2), maximum(x))
        for block in ("7b", "7c"):
            name, row, column = f"Mixed_{block}.branch", (384, (1, 3), 1, (0, 1)), (384, (3, 1), 1, (1, 0))
            three = unit(x, name + "3x3_1", 384)
            double = chain(x, name, "3x3dbl_1", (448,), "3x3dbl_2", (384, 3, 1, 1))
            pool = self.average(x) if block == "7b" else self.f.max_pool2d(x, 3, stride=1, padding=1)
            x = cat(
                unit(x, name + "1x1", 320),
                cat(unit(three, name + "3x3_2a", *row), unit(three, name + "3x3_2b", *column)),
                cat(unit(double, name + "3x3dbl_3a", *row), unit(double, name + "3x3dbl_3b", *column)),
                unit(pool, name + "_pool", 192),
            )
        taps["2048"] = x
        taps = {name: tap.mean((2, 3)) for name, tap in taps.items()}
        weight, bias = self.draw("fc.weight", 1008, 2048) / 10, self.draw("fc.bias", 1008)
        self.state["fc.weight"] = weight.numpy()
        taps["logits_unbiased"] = taps["2048"] @ weight.T
        taps["logits"] = taps["logits_unbiased"] + bias
        return {name: tap.numpy() for name, tap in taps.items()}


@pytest.fixture(scope="module")
def reference():
    """Taps of one random image, the PyTorch state that made them, and the image (1, 299, 299, 3) in 0..255."""
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(1).integers(0, 256, (1, 299, 299, 3)).astype(np.uint8)
    network = Reference(torch)
    with torch.no_grad():
        # The second call, when what the first drew is scaled.
        for _ in range(2):
            taps = network((torch.tensor(image).permute(0, 3, 1, 2).float() - 128) / 128)
    return taps, network.state, image


@pytest.fixture(scope="module")
def apply():
    """Images in 0..255, (1, 299, 299, 3), to taps; compiled once."""
    return jax.jit(lambda params, x: inception.Inception().apply({"params": params}, inception.normalize(x)))


def relative_error(found, expected):
    return np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()


def test_every_tap_matches_the_layer_table(reference, apply):
    expected, state, image = reference
    params = inception.from_torch(state)
    taps = apply(unflatten_dict(params, sep="/"), image)
    assert {name: tap.shape for name, tap in taps.items()} == {name: (1, width) for name, width in TAPS.items()}
    for name in TAPS:
        assert np.abs(expected[name]).max() > 0.1, name
        assert relative_error(taps[name], expected[name]) < 1e-4, name


def test_converted_parameters_are_all_and_only_the_networks(reference):
    shapes = jax.eval_shape(inception.Inception().init, jax.random.key(0), jnp.zeros((1, 299, 299, 3)))["params"]
    expected = {key: leaf.shape for key, leaf in flatten_dict(shapes, sep="/").items()}
    assert {key: array.shape for key, array in inception.from_torch(reference[1]).items()} == expected
    # 94 units of five arrays each, and the last layer's two.
    assert len(expected) == 94 * 5 + 2


def test_torch_fidelity(reference, apply, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    if "torchvision" not in sys.modules:
        # torch-fidelity imports it, but for data sets and networks that are not used here.
        class Anything(types.ModuleType):
            def __getattr__(self, name):
                if name.startswith("__"):
                    raise AttributeError(name)
                return object

        names = ["torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional"]
        for name in names:
            parent, _, child = name.rpartition(".")
            monkeypatch.setitem(sys.modules, name, Anything(name))
            if parent:
                setattr(sys.modules[parent], child, sys.modules[name])
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    _, state, _ = reference
    torch.save({name: torch.tensor(array) for name, array in state.items()}, tmp_path / "weights.pth")
    names = list(TAPS)
    extractor = fidelity.FeatureExtractorInceptionV3(
        "x", names, feature_extractor_weights_path=str(tmp_path / "weights.pth")
    )
    images = np.random.default_rng(2).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
    with torch.no_grad():
        expected = dict(zip(names, extractor(torch.tensor(images).permute(0, 3, 1, 2)), strict=True))
    found = apply(unflatten_dict(inception.from_torch(state), sep="/"), resize(images, 299, "tf1"))
    for name in names:
        error = relative_error(found[name], expected[name].numpy())
        print(f"{name}: {error:.1e}")
        assert error < 1e-4, name


def test_average_pool_does_not_count_padding():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    expected = np.zeros_like(x)
    for i, j in np.ndindex(5, 4):
        expected[:, i, j] = x[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].mean(axis=(1, 2))
    np.testing.assert_allclose(inception.average_pool(jnp.asarray(x)), expected, atol=1e-6)
    # Where padding counted, the corner of ones would be 4 / 9.
    np.testing.assert_allclose(inception.average_pool(jnp.ones((1, 3, 3, 1))), 1.0, atol=1e-6)


def test_max_pool_pads_with_nothing():
    x = -1.0 - np.random.default_rng(0).random((2, 7, 5, 3)).astype(np.float32)
    expected = np.stack([x[:, max(i - 1, 0) : i + 2].max(axis=1) for i in range(7)], axis=1)
    expected = np.stack([expected[:, :, max(j - 1, 0) : j + 2].max(axis=2) for j in range(5)], axis=2)
    np.testing.assert_array_equal(inception.max_pool(jnp.asarray(x)), expected)
    strided = [[x[:, i : i + 3, j : j + 3].max(axis=(1, 2)) for j in (0, 2)] for i in (0, 2, 4)]
    np.testing.assert_array_equal(inception.max_pool(jnp.asarray(x), stride=2), np.moveaxis(np.array(strided), 2, 0))


def test_normalization_of_each_protocol():
    ends = jnp.array([0.0, 128.0, 255.0]).reshape(1, 1, 1, 3)
    for mode in ("tf1", "clean"):
        np.testing.assert_allclose(inception.normalize(ends, mode).ravel(), [-1.0, 0.0, 0.9921875])
    np.testing.assert_allclose(inception.normalize(ends, "torch").ravel(), [-1.0, 2 * 128 / 255 - 1, 1.0], atol=1e-7)


def test_scopes_of_the_tensorflow_graph():
    scopes = inception.tensorflow_scopes()
    # One of each tower of each kind of block, from the released graph.
    known = {
        "conv": "Conv2d_1a_3x3",
        "conv_4": "Conv2d_4a_3x3",
        "mixed/conv": "Mixed_5b/branch1x1",
        "mixed_1/tower/conv_1": "Mixed_5c/branch5x5_2",
        "mixed_2/tower_1/conv_2": "Mixed_5d/branch3x3dbl_3",
        "mixed/tower_2/conv": "Mixed_5b/branch_pool",
        "mixed_3/conv": "Mixed_6a/branch3x3",
        "mixed_3/tower/conv": "Mixed_6a/branch3x3dbl_1",
        "mixed_4/tower/conv_2": "Mixed_6b/branch7x7_3",
        "mixed_7/tower_1/conv_4": "Mixed_6e/branch7x7dbl_5",
        "mixed_6/tower_2/conv": "Mixed_6d/branch_pool",
        "mixed_8/tower/conv_1": "Mixed_7a/branch3x3_2",
        "mixed_8/tower_1/conv_3": "Mixed_7a/branch7x7x3_4",
        "mixed_9/tower/mixed/conv": "Mixed_7b/branch3x3_2a",
        "mixed_9/tower_1/conv_1": "Mixed_7b/branch3x3dbl_2",
        "mixed_10/tower_1/mixed/conv_1": "Mixed_7c/branch3x3dbl_3b",
        "mixed_10/tower_2/conv": "Mixed_7c/branch_pool",
    }
    assert {scope: scopes.get(scope) for scope in known} == known
    assert len(scopes) == len(set(scopes.values())) == 94


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="resize them to"):
        inception.Inception().init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
