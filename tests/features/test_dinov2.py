"""DINOv2, narrow and shallow, against the same network in torch.nn.functional."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.features import dinov2

WIDTH, DEPTH, HEADS = 32, 2, 4


@pytest.fixture(scope="module")
def state():
    """Random weights by the names of the released file."""
    random = np.random.default_rng(0)

    def draw(*shape, scale=1.0):
        return (scale * random.standard_normal(shape)).astype(np.float32)

    state = {
        "cls_token": draw(1, 1, WIDTH),
        "pos_embed": draw(1, 1 + 37 * 37, WIDTH),
        "mask_token": draw(1, WIDTH),
        "patch_embed.proj.weight": draw(WIDTH, 3, 14, 14, scale=0.05),
        "patch_embed.proj.bias": draw(WIDTH),
        "norm.weight": draw(WIDTH),
        "norm.bias": draw(WIDTH),
    }
    for index in range(DEPTH):
        for layer, outputs, inputs in [("attn.qkv", 3, 1), ("attn.proj", 1, 1), ("mlp.fc1", 4, 1), ("mlp.fc2", 1, 4)]:
            state[f"blocks.{index}.{layer}.weight"] = draw(outputs * WIDTH, inputs * WIDTH, scale=0.25)
            state[f"blocks.{index}.{layer}.bias"] = draw(outputs * WIDTH)
        for half in "12":
            state[f"blocks.{index}.norm{half}.weight"] = draw(WIDTH)
            state[f"blocks.{index}.norm{half}.bias"] = draw(WIDTH)
            state[f"blocks.{index}.ls{half}.gamma"] = draw(WIDTH)
    return state


def reference(torch, state, x):
    """The class token of images (B, 3, 224, 224) that are normalised."""
    f, tensors = torch.nn.functional, {name: torch.tensor(array) for name, array in state.items()}
    x = f.conv2d(x, tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"], stride=14).flatten(2).mT
    x = torch.cat([tensors["cls_token"].expand(len(x), -1, -1), x], dim=1)
    grid = tensors["pos_embed"][:, 1:].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)
    grid = f.interpolate(grid, scale_factor=(16.1 / 37, 16.1 / 37), mode="bicubic")
    assert grid.shape[2:] == (16, 16)
    x = x + torch.cat([tensors["pos_embed"][:, :1], grid.permute(0, 2, 3, 1).reshape(1, 256, WIDTH)], dim=1)
    for index in range(DEPTH):

        def linear(x, layer, index=index):
            return f.linear(x, tensors[f"blocks.{index}.{layer}.weight"], tensors[f"blocks.{index}.{layer}.bias"])

        def norm(x, layer, index=index):
            weight, bias = (tensors[f"blocks.{index}.{layer}.{part}"] for part in ("weight", "bias"))
            return f.layer_norm(x, (WIDTH,), weight, bias, eps=1e-6)

        batch, tokens, _ = x.shape
        qkv = (
            linear(norm(x, "norm1"), "attn.qkv").reshape(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        )
        y = f.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = x + tensors[f"blocks.{index}.ls1.gamma"] * linear(y, "attn.proj")
        y = linear(f.gelu(linear(norm(x, "norm2"), "mlp.fc1")), "mlp.fc2")
        x = x + tensors[f"blocks.{index}.ls2.gamma"] * y
    return f.layer_norm(x[:, 0], (WIDTH,), tensors["norm.weight"], tensors["norm.bias"], eps=1e-6)


def test_class_token(state):
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(1).normal(size=(2, 224, 224, 3)).astype(np.float32)
    with torch.no_grad():
        expected = reference(torch, state, torch.tensor(images).permute(0, 3, 1, 2)).numpy()
    network = dinov2.DINOv2(WIDTH, DEPTH, HEADS)
    params = unflatten_dict(dinov2.from_torch(state), sep="/")
    found = jax.jit(lambda params, x: network.apply({"params": params}, x))(params, images)
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_converted_parameters_are_all_and_only_the_networks(state):
    network = dinov2.DINOv2(WIDTH, DEPTH, HEADS)
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))["params"]
    expected = {key: leaf.shape for key, leaf in flatten_dict(shapes, sep="/").items()}
    assert {key: array.shape for key, array in dinov2.from_torch(state).items()} == expected


def test_the_whole_network_has_the_size_of_the_released_one():
    shapes = jax.eval_shape(dinov2.DINOv2().init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))["params"]
    # 1,217,586,395 bytes of float32, less the mask token, which is for training, and the file's own names.
    numbers = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert 0 < 1_217_586_395 - 4 * (numbers + 1024) < 120_000


def test_positions_of_the_stored_size_stay_as_they_are():
    table = jnp.asarray(np.random.default_rng(0).normal(size=(1 + 37 * 37, 3)))
    np.testing.assert_array_equal(dinov2.positions_at(table, 37), table)
    # Interpolation keeps a constant, and the class token's own position.
    constant = jnp.ones((1 + 37 * 37, 3)).at[0].set(5.0)
    np.testing.assert_allclose(dinov2.positions_at(constant, 16), jnp.ones((257, 3)).at[0].set(5.0), atol=1e-6)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="resize them to"):
        dinov2.DINOv2(WIDTH, DEPTH, HEADS).init(jax.random.key(0), jnp.zeros((1, 28, 28, 3)))
