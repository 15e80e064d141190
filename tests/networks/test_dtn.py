"""DTN's frozen network: its layers by hand, and its features against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import DCGANGenerator, DTNClassifier


def test_its_features_are_128_numbers(count, shapes):
    kernels = 9 * 3 * 64 + 9 * 64 * 128 + 9 * 128 * 256 + 4 * 4 * 256 * 128
    assert count(DTNClassifier(class_logits=10), (1, 32, 32, 3)) == kernels + 64 + 128 + 256 + 128 + 128 * 10 + 10
    # g goes from them to 4x4, and by three doublings to 32x32.
    generator = shapes(DCGANGenerator((32, 32, 3), layout="torch"), (1, 128))
    assert generator["project"]["kernel"].shape[:2] == (4, 4) and 128 in generator["project"]["kernel"].shape
    assert sum("kernel" in layer for layer in generator.values()) == 4


def test_it_agrees_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    network, x = DTNClassifier(widths=(4, 6, 5), class_logits=3), normal(2, 12, 8, 2)
    params = drawn(network, x)
    verdict = jax.jit(lambda params, x: network.apply({"params": params}, x, features=True))(params, x)

    def convolved(h, name, padding):
        kernel, bias = (torch.tensor(np.asarray(params[name][part])) for part in ("kernel", "bias"))
        return torch.nn.functional.conv2d(h, kernel.permute(3, 2, 0, 1), bias, padding=padding)

    h = torch.tensor(np.asarray(x)).permute(0, 3, 1, 2)
    for name in ("conv_0", "conv_1"):
        h = torch.relu(torch.nn.functional.max_pool2d(convolved(h, name, 1), 2))
    features = torch.relu(convolved(h, "conv_2", 0))[:, :, 0, 0]
    np.testing.assert_allclose(verdict.features, features, atol=1e-5)
    dense = {part: torch.tensor(np.asarray(array)) for part, array in params["class_logits"].items()}
    np.testing.assert_allclose(verdict.class_logits, features @ dense["kernel"] + dense["bias"], atol=1e-5)


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(UserError, match="DTNClassifier: images of 20x20 cannot be halved 3 times"):
        jax.eval_shape(DTNClassifier(class_logits=2).init, jax.random.key(0), jnp.zeros((1, 20, 20, 3)))
