"""Layers of PyTorch on this library's parameters, and the comparison of a network with its transcription.

The transcriptions (`test_*.py` beside this) are written from the layer tables of papers, with the order of operations that they
give. Only the names under which parameters are found are this library's.
"""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def leaves(tree):
    """Parameters as double tensors, whose gradients are wanted."""
    if isinstance(tree, dict):
        return {name: leaves(value) for name, value in tree.items()}
    return torch.tensor(np.asarray(tree, np.float64), requires_grad=True)


def to_channels_first(x):
    # Contiguous: PyTorch's slow convolution in double precision has given wrong gradients of one channel last in memory.
    return x.permute(0, 3, 1, 2).contiguous()


def to_channels_last(x):
    return x.permute(0, 2, 3, 1)


def conv(p, x, stride=1, padding=None):
    """3x3 and 1x1 convolutions keep the size where no padding is given."""
    weight = p["kernel"].permute(3, 2, 0, 1).contiguous()
    padding = weight.shape[-1] // 2 if padding is None else padding
    return functional.conv2d(x, weight, p.get("bias"), stride, padding)


def transposed(p, x, stride=2, padding=1, output_padding=0):
    return functional.conv_transpose2d(
        x, p["kernel"].permute(2, 3, 0, 1).contiguous(), p.get("bias"), stride, padding, output_padding
    )


def dense(p, x):
    y = x @ p["kernel"]
    return y + p["bias"] if "bias" in p else y


def batch_norm(p, x, epsilon=1e-5):
    return functional.batch_norm(x, None, None, p.get("scale"), p.get("bias"), True, eps=epsilon)


def instance_norm(p, x, epsilon=1e-5):
    return functional.instance_norm(x, weight=p.get("scale"), bias=p.get("bias"), eps=epsilon)


def first_map(p, z, height, width):
    """A linear layer whose results are a map; this library's are ordered by place, then by channel."""
    return to_channels_first(dense(p, z).reshape(len(z), height, width, -1))


def flat(x):
    """A map as vectors, in this library's order."""
    return to_channels_last(x).reshape(len(x), -1)


def double(x):
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def halve(x):
    return functional.avg_pool2d(x, 2)


def attention(p, x):
    """Self-attention as BigGAN has it: C / 8 channels for query and key, C / 2 for value, keys and values max-pooled."""
    batch, channels, height, width = x.shape
    query = conv(p["query"], x).reshape(batch, -1, height * width)
    key = functional.max_pool2d(conv(p["key"], x), 2).reshape(batch, -1, height * width // 4)
    value = functional.max_pool2d(conv(p["value"], x), 2).reshape(batch, -1, height * width // 4)
    weights = torch.softmax(torch.einsum("bci,bcj->bij", query, key), dim=-1)
    looked = torch.einsum("bij,bcj->bci", weights, value).reshape(batch, channels // 2, height, width)
    return x + p["gamma"] * conv(p["output"], looked)


def pixel_norm(x):
    """Every pixel divided by the root of its mean square (ProGAN, section 4.2)."""
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def weight_norm(p, x):
    """A dense layer whose weights are directions, and lengths beside them (Salimans and Kingma 2016; 1e-6: their program)."""
    return x @ (p["kernel"] / (p["kernel"].square().sum(0) + 1e-6).sqrt()) * p["scale"] + p["bias"]


def leaky(x, slope=0.2):
    return functional.leaky_relu(x, slope)


def one_hot(label, classes):
    return functional.one_hot(label.long(), classes).double()


def check(network, transcription, first, *others, draw, result=lambda given: given, **options):
    """A network against its transcription in double precision: its results, and the gradients by parameters and by its input.

    Args:
        network: A network; it is run with `dtype=float64`.
        transcription: (parameters, first, *others) -> the results, all tensors; images with channels first.
        first: Float array, images (B, H, W, C) or vectors.
        others: Further inputs.
        draw: The fixture `drawn`.
        result: What the network gives -> the array that is compared.
        options: Of the network's call.

    The largest difference may be a millionth of the largest value of each array.
    """
    # Only its parameters are drawn in single precision.
    params = draw(network, jnp.asarray(first, jnp.float32), *map(jnp.asarray, others))
    rng = np.random.default_rng(7)
    # Networks end in single precision whatever their `dtype`; here that is double precision, too.
    with jax.enable_x64(True), mock.patch.object(jnp, "float32", jnp.float64):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
        inputs = [np.asarray(each, np.float64) if each.dtype.kind == "f" else each for each in others]
        network = network.clone(dtype=jnp.float64)
        first = np.asarray(first, np.float64)
        run = lambda params, first: result(network.apply({"params": params}, first, *inputs, **options))  # noqa: E731
        probe = rng.standard_normal(jax.eval_shape(run, params, first).shape)

        def loss(params, first):
            got = run(params, first)
            return (got * probe).sum(), got

        (_, got), slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, first)
        gradients, by_input = slopes
    tensors = leaves(params)
    tensor = torch.tensor(first, requires_grad=True)
    images = to_channels_first(tensor) if tensor.ndim == 4 else tensor
    expected = transcription(tensors, images, *(torch.tensor(np.asarray(each)) for each in inputs))
    expected = to_channels_last(expected) if expected.ndim == 4 else expected
    (expected * torch.tensor(probe)).sum().backward()
    assert float(expected.detach().std()) > 1e-3, "the comparison would be of constants"

    pairs = {"result": (got, expected.detach()), "input": (by_input, tensor.grad)}
    flat_tensors = jax.tree_util.tree_leaves_with_path(tensors, is_leaf=lambda leaf: isinstance(leaf, torch.Tensor))
    for (path, got), (_, leaf) in zip(jax.tree_util.tree_leaves_with_path(gradients), flat_tensors, strict=True):
        # What the transcription does not use, such as another domain's layers, must have no gradient.
        pairs[jax.tree_util.keystr(path)] = (got, torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)
    largest = max(float(np.abs(np.asarray(want)).max()) for name, (_, want) in pairs.items() if name != "result")
    for name, (got, want) in pairs.items():
        want = np.asarray(want)
        # What is zero but for rounding, such as the gradient of a bias before a norm, is measured by the others.
        scale = np.abs(want).max() if name == "result" else max(np.abs(want).max(), 1e-3 * largest)
        difference = np.abs(np.asarray(got, np.float64) - want).max()
        assert difference <= 1e-6 * scale, f"{name}: {difference:.2e} of {scale:.2e}"
