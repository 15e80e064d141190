"""What every network promises: its shapes, finite float32 results, and bfloat16 compute with float32 parameters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks

BATCH = 4
LATENT = jnp.asarray(np.random.default_rng(1).standard_normal((BATCH, 12), np.float32))
LABEL = jnp.arange(BATCH) % 3


def image(height, width=None, channels=3):
    shape = (BATCH, height, width or height, channels)
    return jnp.asarray(np.random.default_rng(2).uniform(-1, 1, shape).astype(np.float32))


# name: (network, inputs, keyword arguments, shape of the result)
CASES = {
    "mlp generator": (
        networks.MLPGenerator,
        dict(output_shape=(8, 6, 2), hidden=(16,)),
        (LATENT,),
        {},
        (BATCH, 8, 6, 2),
    ),
    "mlp toy generator": (networks.MLPGenerator, dict(output_shape=(2,), output="linear"), (LATENT,), {}, (BATCH, 2)),
    "mlp discriminator": (networks.MLPDiscriminator, dict(hidden=(16, 8)), (image(8),), {}, (BATCH,)),
    "dcgan generator": (
        networks.DCGANGenerator,
        dict(image_size=(16, 24), channels=1, width=4),
        (LATENT,),
        {},
        (BATCH, 16, 24, 1),
    ),
    "dcgan generator, torch": (
        networks.DCGANGenerator,
        dict(image_size=28, width=4, layout="torch"),
        (LATENT,),
        {},
        (BATCH, 28, 28, 3),
    ),
    "dcgan discriminator": (networks.DCGANDiscriminator, dict(width=4), (image(16, 24),), {}, (BATCH,)),
    "dcgan discriminator, torch": (
        networks.DCGANDiscriminator,
        dict(width=4, layout="torch"),
        (image(28),),
        {},
        (BATCH,),
    ),
    "dcgan critic": (networks.DCGANDiscriminator, dict(width=4, norm="none"), (image(16),), {}, (BATCH,)),
    "resnet generator": (
        networks.ResNetGenerator,
        dict(image_size=(8, 12), channels=1, widths=(8, 4)),
        (LATENT,),
        {},
        (BATCH, 8, 12, 1),
    ),
    "resnet generator with classes": (
        networks.ResNetGenerator,
        dict(image_size=16, widths=(8, 4, 4), num_classes=3),
        (LATENT, LABEL),
        {},
        (BATCH, 16, 16, 3),
    ),
    "resnet critic": (networks.ResNetDiscriminator, dict(widths=(4, 8)), (image(8, 12),), {}, (BATCH,)),
    "resnet discriminator with classes": (
        networks.ResNetDiscriminator,
        dict(widths=(4, 8, 8), pooling="sum", wide=True, num_classes=3),
        (image(8), LABEL),
        {},
        (BATCH,),
    ),
    "biggan generator": (
        networks.BigGANGenerator,
        dict(image_size=16, width=2, num_classes=3, shared_size=8, attention=(8,)),
        (LATENT, LABEL),
        {},
        (BATCH, 16, 16, 3),
    ),
    "biggan discriminator": (
        networks.BigGANDiscriminator,
        dict(image_size=16, width=2, num_classes=3, attention=(8,)),
        (image(16, channels=1), LABEL),
        {},
        (BATCH,),
    ),
    "translator": (
        networks.ResNetTranslator,
        dict(width=4, blocks=1, channels=1),
        (image(16, 20),),
        {},
        (BATCH, 16, 20, 1),
    ),
    "translator with batch norm": (
        networks.ResNetTranslator,
        dict(width=4, blocks=1, downsamples=1, norm="batch"),
        (image(8),),
        {},
        (BATCH, 8, 8, 3),
    ),
    "patch discriminator": (
        networks.PatchDiscriminator,
        dict(width=4, layers=2),
        # 16 -> 8 -> 4 -> 3 -> 2: the last two layers do not halve, and shrink the map by one.
        (image(16, 24),),
        {},
        (BATCH, 2, 4),
    ),
    "patch discriminator, one score": (
        networks.PatchDiscriminator,
        dict(width=4, layers=1, norm="none", global_average=True),
        (image(16),),
        {},
        (BATCH,),
    ),
    "progan generator": (
        networks.ProGANGenerator,
        dict(max_resolution=16, base_width=32, max_width=8),
        (LATENT,),
        dict(resolution=8, alpha=0.5),
        (BATCH, 8, 8, 3),
    ),
    "progan discriminator": (
        networks.ProGANDiscriminator,
        dict(max_resolution=16, base_width=32, max_width=8),
        (image(8),),
        dict(resolution=8, alpha=0.5),
        (BATCH,),
    ),
}


@pytest.fixture(scope="session")
def played(drawn):
    """By name and dtype: a network, drawn parameters, and its function of parameters and first input, compiled once."""

    @functools.cache
    def parameters(name):
        network, fields, inputs, options, _ = CASES[name]
        return drawn(network(**fields), *inputs, **options)

    @functools.cache
    def play(name, dtype="float32"):
        network, fields, inputs, options, _ = CASES[name]
        module = network(**fields, dtype=dtype)
        apply = lambda params, first: module.apply({"params": params}, first, *inputs[1:], **options)  # noqa: E731
        return module, parameters(name), jax.jit(apply)

    return play


@pytest.mark.parametrize("name", CASES)
def test_shape_and_range(name, played):
    network, _, inputs, _, shape = CASES[name]
    _, params, apply = played(name)
    y = apply(params, inputs[0])
    assert y.shape == shape
    assert y.dtype == jnp.float32
    assert np.isfinite(y).all()
    assert np.std(y) > 0
    if len(shape) == 4 and network is not networks.ProGANGenerator:
        assert np.abs(y).max() <= 1


@pytest.mark.parametrize("name", CASES)
def test_bfloat16(name, played):
    _, _, inputs, options, _ = CASES[name]
    module, params, apply = played(name, "bfloat16")
    own = jax.eval_shape(lambda key: module.init(key, *inputs, **options)["params"], jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(own)} == {jnp.dtype("float32")}
    program = str(apply.trace(params, inputs[0]).jaxpr).splitlines()
    products = [line for line in program if "conv_general_dilated[" in line or "dot_general[" in line]
    assert any(":bf16[" in line for line in products), "nothing is computed in bfloat16"
    rounded, exact = apply(params, inputs[0]), played(name)[2](params, inputs[0])
    assert rounded.dtype == jnp.float32
    assert 0 < np.linalg.norm(rounded - exact) < 0.1 * np.linalg.norm(exact)


@pytest.mark.parametrize("name", [name for name in CASES if "discriminator" in name or "critic" in name])
def test_samples_see_each_other_only_through_batch_statistics(name, played):
    _, params, apply = played(name)
    x = CASES[name][2][0]
    difference = np.abs(apply(params, x.at[1].multiply(0.5)) - apply(params, x))
    assert difference[1].max() > 0
    # A gradient penalty is one sample's own: only batch norm and the minibatch standard deviation may mix samples.
    mixing = ("dcgan discriminator", "dcgan discriminator, torch", "progan discriminator")
    assert (difference[0].max() > 1e-6) == (name in mixing)
