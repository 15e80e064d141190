"""The residual classifier that learns before a GAN, and the heads on features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from jaxgan.errors import UserError

TINY = {"depths": (1, 2), "width": 2, "class_logits": 3}


def test_the_default_is_resnet_50(count):
    # 25,557,032 parameters are those of the first ResNet-50 with its batch norms. This one, with norms before convolutions, has
    # a norm before the first block and one after the last in the place of the stem's, and none on the shortcuts.
    norms_of_v1 = 2 * (
        64 + 3 * (64 + 64 + 256) + 4 * (128 + 128 + 512) + 6 * (256 + 256 + 1024) + 3 * (512 + 512 + 2048)
    )
    norms_of_v1 += 2 * (256 + 512 + 1024 + 2048)
    groups = ((64, 256, 64, 3), (256, 512, 128, 4), (512, 1024, 256, 6), (1024, 2048, 512, 3))
    ours = (
        2 * sum(first + 2 * width + (depth - 1) * (wide + 2 * width) for first, wide, width, depth in groups) + 2 * 2048
    )
    network = networks.ResNetClassifier(class_logits=1000)
    assert count(network, (2, 128, 128, 3)) == 25_557_032 - norms_of_v1 + ours


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_class_logits_are_linear_in_the_features(norm, drawn, run):
    network = networks.ResNetClassifier(**TINY, norm=norm)
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)), jnp.float32)
    params = drawn(network, x)
    verdict = jax.jit(lambda params: network.apply({"params": params}, x, features=True))(params)
    assert verdict.score is None and verdict.features.shape == (4, 16) and verdict.features.dtype == jnp.float32
    head = jax.tree.map(np.asarray, params["class_logits"])
    np.testing.assert_allclose(
        verdict.class_logits, np.asarray(verdict.features) @ head["kernel"] + head["bias"], rtol=1e-4, atol=1e-5
    )
    linear = networks.LinearClassifier(class_logits=3)
    np.testing.assert_allclose(run(linear, {"class_logits": head}, verdict.features), verdict.class_logits, rtol=1e-6)


def test_with_layer_norm_an_image_does_not_see_its_neighbours(drawn, run):
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)), jnp.float32)
    for norm, alone in (("layer", True), ("batch", False)):
        network = networks.ResNetClassifier(**TINY, norm=norm)
        params = drawn(network, x)
        whole, half = (run(network, params, images).class_logits[:2] for images in (x, x[:2]))
        assert np.allclose(whole, half, rtol=1e-4, atol=1e-5) == alone


def test_it_computes_in_the_dtype_that_it_is_told(drawn):
    network = networks.ResNetClassifier(**TINY, dtype="bfloat16")
    x = jnp.ones((2, 16, 16, 1))
    params = drawn(network, x)
    apply = lambda params: network.apply({"params": params}, x, features=True)  # noqa: E731
    logits = jax.eval_shape(apply, params)
    assert logits.class_logits.dtype == logits.features.dtype == jnp.float32
    assert "bf16" in str(jax.make_jaxpr(apply)(params))


def test_what_cannot_be_is_said(drawn):
    with pytest.raises(UserError, match="norm='group' does not exist"):
        drawn(networks.ResNetClassifier(**TINY | {"norm": "group"}), jnp.ones((1, 16, 16, 1)))
