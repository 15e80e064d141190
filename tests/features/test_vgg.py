"""VGG16's features, LPIPS and VGG19's maps against the same networks in torch.nn.functional."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from jaxgan.features import vgg

# torchvision's numbers of the convolutions, the maps that LPIPS reads, and where a pool comes first.
LAYERS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512, 24: 512, 26: 512, 28: 512}
READ, POOLED = (2, 7, 14, 21, 28), (5, 10, 17, 24)


@pytest.fixture(scope="module")
def state():
    """Random convolutions and LPIPS weights by their names in PyTorch."""
    random, state, inputs = np.random.default_rng(0), {}, 3
    for layer, width in LAYERS.items():
        weight = random.standard_normal((width, inputs, 3, 3), np.float32)
        state[f"features.{layer}.weight"] = weight * np.float32((2 / (9 * inputs)) ** 0.5)
        state[f"features.{layer}.bias"] = 0.1 * random.standard_normal(width, np.float32)
        inputs = width
    for level, layer in enumerate(READ):
        state[f"lin{level}.model.1.weight"] = random.random((1, LAYERS[layer], 1, 1), np.float32)
    return state


def reference_maps(torch, state, x):
    """(B, 3, H, W) through the convolutions: the maps that LPIPS reads."""
    f, maps = torch.nn.functional, []
    for layer in LAYERS:
        x = f.max_pool2d(x, 2) if layer in POOLED else x
        weight, bias = (torch.tensor(state[f"features.{layer}.{part}"]) for part in ("weight", "bias"))
        x = f.relu(f.conv2d(x, weight, bias, padding=1))
        if layer in READ:
            maps.append(x)
    return maps


def test_features(state):
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(1)
    # A hundred million random numbers take a while: one draw of a part, repeated at a period that no map has.
    part = random.standard_normal(1_000_003, np.float32)
    first = np.resize(part, 4096 * 25088).reshape(4096, 25088) * np.float32(0.009)
    dense = {
        "classifier.0.weight": first,
        "classifier.0.bias": random.standard_normal(4096, np.float32),
        "classifier.3.weight": np.resize(part, 4096 * 4096).reshape(4096, 4096) * np.float32(0.02),
        "classifier.3.bias": random.standard_normal(4096, np.float32),
        "classifier.6.weight": np.zeros((1000, 4096), np.float32),
    }
    images = random.integers(0, 256, (1, 224, 224, 3)).astype(np.uint8)
    x = torch.tensor(images).permute(0, 3, 1, 2) / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        x = torch.nn.functional.max_pool2d(reference_maps(torch, state, x)[-1], 2).flatten(1)
        for layer in (0, 3):
            weight, bias = (torch.tensor(dense[f"classifier.{layer}.{part}"]) for part in ("weight", "bias"))
            x = torch.nn.functional.relu(torch.nn.functional.linear(x, weight, bias))
    params = unflatten_dict(vgg.from_torch({**state, **dense}), sep="/")
    found = jax.jit(lambda params, x: vgg.VGG16().apply({"params": params}, vgg.normalize(x)))(params, images)
    assert found.shape == (1, 4096)
    # It is a ReLU's output, about half zeros.
    assert 0.2 < float((found > 0).mean()) < 0.8
    np.testing.assert_allclose(found, x, atol=1e-4 * float(x.max()))


def test_lpips(state):
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(2)
    a, b = random.uniform(-1, 1, (2, 2, 32, 32, 3)).astype(np.float32)

    def maps(images):
        # LPIPS's own scaling of [-1, 1] to ImageNet's.
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = (torch.tensor(images).permute(0, 3, 1, 2) - shift[:, None, None]) / scale[:, None, None]
        return [x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in reference_maps(torch, state, x)]

    with torch.no_grad():
        expected = torch.zeros(2)
        for level, (x, y) in enumerate(zip(maps(a), maps(b), strict=True)):
            weight = torch.tensor(state[f"lin{level}.model.1.weight"])
            expected += torch.nn.functional.conv2d((x - y) ** 2, weight).mean((1, 2, 3))
    params = unflatten_dict(convolutions(state) | vgg.lpips_from_torch(state), sep="/")
    found = jax.jit(vgg.lpips)(params, a, b)
    assert expected.min() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(jax.jit(vgg.lpips)(params, a, a), 0)


def convolutions(state):
    zeros = {"classifier.0.weight": np.zeros((1, 25088)), "classifier.3.weight": np.zeros((1, 1))}
    biases = {"classifier.0.bias": np.zeros(1), "classifier.3.bias": np.zeros(1)}
    params = vgg.from_torch({**state, **zeros, **biases})
    return {key: array for key, array in params.items() if key.startswith("convolutions/")}


@pytest.mark.parametrize(("row", "last"), [(2, "7"), (5, "34")])
def test_maps_of_vgg19(row, last):
    torch = pytest.importorskip("torch")
    # torchvision's own layout of `features`: a number for every convolution, ReLU and pool.
    random, layers, inputs = np.random.default_rng(3), torch.nn.Sequential(), 3
    for widths in ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4):
        for width in widths:
            layer = torch.nn.Conv2d(inputs, width, 3, padding=1)
            with torch.no_grad():
                torch.nn.init.normal_(layer.weight, std=(2 / (9 * inputs)) ** 0.5)
                torch.nn.init.normal_(layer.bias, std=0.1)
            layers.extend([layer, torch.nn.ReLU()])
            inputs = width
        layers.append(torch.nn.MaxPool2d(2))
    state = {f"features.{name}": tensor.numpy() for name, tensor in layers.state_dict().items()}
    assert f"features.{last}.weight" in state and len(state) == 32
    images = random.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    x = torch.tensor(images).permute(0, 3, 1, 2) / 2 + 0.5
    x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        expected = layers[: int(last) + 2](x).permute(0, 2, 3, 1).numpy() / 12.75
    params = unflatten_dict(vgg.vgg19_from_torch(state), sep="/")
    found = jax.jit(vgg.content_map, static_argnums=2)(params, images, row)
    assert found.shape == (2, *((16, 16, 128) if row == 2 else (2, 2, 512)))
    assert 0.2 < float((found > 0).mean()) < 0.8
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(expected.max()))


def test_lpips_has_a_gradient_where_features_are_zero(state):
    params = unflatten_dict(convolutions(state) | vgg.lpips_from_torch(state), sep="/")
    # Without weights and offsets every feature is zero.
    params["convolutions"] = jax.tree.map(np.zeros_like, params["convolutions"])
    gradient = jax.jit(jax.grad(lambda a: vgg.lpips(params, a, -a).sum()))(jnp.ones((1, 16, 16, 3)))
    assert np.isfinite(gradient).all()


def test_shrink_averages_blocks():
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    expected = [[images[:, i : i + 2, j : j + 2].mean(axis=(1, 2)) for j in range(0, 8, 2)] for i in range(0, 8, 2)]
    np.testing.assert_allclose(vgg.shrink(jnp.asarray(images), 4), np.moveaxis(np.array(expected), 2, 0), atol=1e-6)
    np.testing.assert_array_equal(vgg.shrink(jnp.asarray(images)), images)


def test_errors():
    with pytest.raises(ValueError, match="resize them to"):
        vgg.VGG16().init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    for a, b in [((1, 32, 32, 3), (2, 32, 32, 3)), ((1, 32, 32, 1),) * 2, ((1, 8, 8, 3),) * 2]:
        with pytest.raises(ValueError, match="expected two alike"):
            vgg.lpips({}, jnp.zeros(a), jnp.zeros(b))
    with pytest.raises(ValueError, match="VGG19: images of shape"):
        vgg.content_map({}, jnp.zeros((1, 8, 8, 3)), 5)
    with pytest.raises(ValueError, match="expected squares"):
        vgg.shrink(jnp.zeros((1, 16, 8, 3)))
