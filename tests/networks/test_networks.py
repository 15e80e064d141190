"""What every network promises: its shapes, finite float32 results, and bfloat16 compute with float32 parameters."""

import ast
import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan import networks
from jaxgan.errors import UserError

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
        dict(output_shape=(16, 24, 1), width=4),
        (LATENT,),
        {},
        (BATCH, 16, 24, 1),
    ),
    "dcgan generator, torch": (
        networks.DCGANGenerator,
        dict(output_shape=(28, 28, 3), width=4, layout="torch"),
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
        dict(output_shape=(8, 12, 1), widths=(8, 4)),
        (LATENT,),
        {},
        (BATCH, 8, 12, 1),
    ),
    "resnet generator with classes": (
        networks.ResNetGenerator,
        dict(output_shape=(16, 16, 3), widths=(8, 4, 4), embedded_classes=3),
        (LATENT, LABEL),
        {},
        (BATCH, 16, 16, 3),
    ),
    "resnet critic": (networks.ResNetDiscriminator, dict(widths=(4, 8)), (image(8, 12),), {}, (BATCH,)),
    "resnet discriminator with classes": (
        networks.ResNetDiscriminator,
        dict(widths=(4, 8, 8), pooling="sum", wide=True, projected_classes=3),
        (image(8), LABEL),
        {},
        (BATCH,),
    ),
    "biggan generator": (
        networks.BigGANGenerator,
        dict(output_shape=(16, 16, 3), width=2, embedded_classes=3, shared_size=8, attention=(8,)),
        (LATENT, LABEL),
        {},
        (BATCH, 16, 16, 3),
    ),
    "biggan discriminator": (
        networks.BigGANDiscriminator,
        dict(width=2, projected_classes=3, attention=(8,)),
        (image(16, channels=1), LABEL),
        {},
        (BATCH,),
    ),
    "translator": (
        networks.ResNetTranslator,
        dict(output_shape=(16, 20, 1), width=4, blocks=1),
        (image(16, 20),),
        {},
        (BATCH, 16, 20, 1),
    ),
    "translator with batch norm": (
        networks.ResNetTranslator,
        dict(output_shape=(8, 8, 3), width=4, blocks=1, downsamples=1, norm="batch"),
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
    "encoder": (networks.MLPEncoder, dict(outputs=6, hidden=(16,)), (image(8),), {}, (BATCH, 6)),
    "bigan encoder": (
        networks.BiGANEncoder,
        dict(outputs=6, hidden=(16, 8), norm="layer"),
        (image(8),),
        {},
        (BATCH, 6),
    ),
    "bigan, discriminator of pairs": (
        networks.BiGANDiscriminator,
        dict(hidden=(16, 8)),
        (image(8), LATENT),
        {},
        (BATCH,),
    ),
    "bigan, mlp generator": (
        networks.BiGANGenerator,
        dict(output_shape=(8, 6, 2), hidden=(16, 8)),
        (LATENT,),
        {},
        (BATCH, 8, 6, 2),
    ),
    "vaegan encoder": (
        networks.VAEGANEncoder,
        dict(outputs=6, widths=(4, 8), dense=16),
        (image(16, 24),),
        {},
        (BATCH, 6),
    ),
    "vaegan generator": (
        networks.VAEGANGenerator,
        dict(output_shape=(16, 24, 1), widths=(8, 8, 4)),
        (LATENT,),
        {},
        (BATCH, 16, 24, 1),
    ),
    "vaegan discriminator": (
        networks.VAEGANDiscriminator,
        dict(widths=(4, 8, 8), dense=16),
        (image(16, 24),),
        {},
        (BATCH,),
    ),
    "progan generator": (
        networks.ProGANGenerator,
        dict(output_shape=(16, 16, 3), base_width=32, max_width=8),
        (LATENT,),
        dict(resolution=8, alpha=0.5),
        (BATCH, 8, 8, 3),
    ),
    "progan discriminator": (
        networks.ProGANDiscriminator,
        dict(base_width=32, max_width=8),
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
    mixing = (
        "dcgan discriminator",
        "dcgan discriminator, torch",
        "progan discriminator",
        "bigan, discriminator of pairs",
        "vaegan discriminator",
    )
    assert (difference[0].max() > 1e-6) == (name in mixing)


@pytest.mark.parametrize("name", [name for name, (_, fields, *_) in CASES.items() if "output_shape" in fields])
def test_the_shape_of_samples_must_be_known(name, shapes):
    network, fields, inputs, options, _ = CASES[name]
    with pytest.raises(UserError, match=f"{network.__name__} does not know the shape of a sample; set output_shape"):
        shapes(network(**fields | {"output_shape": None}), *inputs, **options)


@pytest.mark.parametrize("name", [name for name in CASES if "generator" in name and "mlp" not in name])
def test_images_have_three_axes(name, shapes):
    network, fields, inputs, options, _ = CASES[name]
    with pytest.raises(UserError, match=rf"{network.__name__} makes images .* say \(2,\): use MLPGenerator"):
        shapes(network(**fields | {"output_shape": (2,)}), *inputs, **options)


@pytest.mark.parametrize("name", ["DCGANDiscriminator", "BEGANAutoencoder", "ConvAutoencoder", "R3GANDiscriminator"])
def test_a_network_of_images_does_not_take_points(name, shapes):
    with pytest.raises(UserError, match=r"takes images \(B, H, W, C\), but got vectors of shape \(2,\): use MLP"):
        shapes(getattr(networks, name)(), jnp.ones((1, 2)))


def test_names_are_the_networks():
    found = {name: getattr(networks, name) for name in networks.names()}
    assert {case[0] for case in CASES.values()} <= set(found.values())
    for name, network in found.items():
        assert issubclass(network, nn.Module)
        assert (network.__name__, network.__module__) == (name, f"jaxgan.networks.{networks.names()[name]}")
    assert set(found) <= set(dir(networks))
    with pytest.raises(AttributeError, match="no attribute 'DCGAN'"):
        _ = networks.DCGAN


def test_a_network_is_imported_when_it_is_named():
    program = (
        "import sys; from jaxgan import networks; networks.names(); networks.MLPGenerator; "
        "print([name for name in sys.modules if name.startswith('jaxgan.networks.')])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert sorted(ast.literal_eval(printed)) == [
        f"jaxgan.networks.{name}" for name in ("common", "initializers", "mlp", "noise")
    ]
