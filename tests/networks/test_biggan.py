"""BigGAN: published parameter counts, and where labels and chunks of the latent go."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import BigGANDiscriminator, BigGANGenerator


@pytest.mark.parametrize(
    ("size", "latent", "attention", "generator", "discriminator"),
    [
        (128, 120, 64, 70_433_988, 87_982_370),
        # compare_gan publishes these with attention at 128x128 in the generator of 256, ...
        (256, 140, 128, 82_097_604, 98_635_298),
        (512, 160, 64, 82_468_068, 98_801_378),
    ],
)
def test_published_parameters(size, latent, attention, generator, discriminator, count):
    assert (
        count(BigGANGenerator((size, size, 3), embedded_classes=1000, attention=(attention,)), (2, latent), "label")
        == generator
    )
    # ... and without the 1x1 shortcuts where a halving block keeps its width: 8 to 8 at 256 and 512, 1 to 1 at 512.
    shortcuts = {128: (), 256: (768,), 512: (768, 96)}[size]
    discriminator += sum(width * width + width for width in shortcuts)
    assert count(BigGANDiscriminator(projected_classes=1000), (2, size, size, 3), "label") == discriminator


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


@pytest.mark.parametrize(("size", "blocks"), [(16, 2), (32, 3)])
def test_parameters_of_the_small_networks(size, blocks, count):
    # All maps have 4 * 64 features; latents come in chunks of 20, embeddings have 128 components.
    block = 2 * conv(256, 256, 3) + conv(256, 256, 1) + 4 * (20 + 128) * 256
    generator = 21 * 4 * 4 * 256 + 10 * 128 + blocks * block + 2 * 256 + conv(256, 3, 3)
    network = BigGANGenerator((size, size, 3), width=64, embedded_classes=10)
    assert count(network, (2, 20 * (blocks + 1)), "label") == generator
    discriminator = conv(3, 256, 3) + 7 * conv(256, 256, 3) + conv(3, 256, 1) + conv(256, 256, 1) + 257 + 10 * 256
    assert count(BigGANDiscriminator(width=64, projected_classes=10), (2, size, size, 3), "label") == discriminator


def test_attention_follows_the_maps_it_names(shapes):
    def attended(params):
        return {name for name in params if name.startswith("attention")}

    generator = BigGANGenerator((64, 64, 3), width=1, embedded_classes=1000)
    discriminator = BigGANDiscriminator(width=8, projected_classes=1000)
    # The generator's maps: 8, 16, 32, 64; the discriminator's: 32, 16, 8, 4, and 4 again, which is not attended twice.
    assert attended(shapes(generator, (2, 10), "label")) == {"attention_3"}
    assert attended(shapes(generator.clone(attention=(8, 32)), (2, 10), "label")) == {
        "attention_0",
        "attention_2",
    }
    image = (2, 64, 64, 3)
    assert attended(shapes(discriminator.clone(attention=(32, 4)), image, "label")) == {
        "attention_0",
        "attention_3",
    }
    assert not attended(shapes(discriminator, image, "label"))


SMALL = BigGANGenerator((16, 16, 1), width=2, embedded_classes=3, shared_size=4, attention=(8,))
LATENT = jnp.asarray(np.random.default_rng(3).standard_normal((4, 9), np.float32))
LABEL = jnp.array([0, 1, 2, 2])


def test_orthogonal_initialisation(initialised):
    params = initialised(SMALL.clone(attention=()), LATENT, LABEL)
    for path in (("project",), ("block_0", "conv_1"), ("block_1", "shortcut"), ("block_1", "norm_2", "gain")):
        layer = params
        for name in path:
            layer = layer[name]
        matrix = np.asarray(layer["kernel"]).reshape(-1, layer["kernel"].shape[-1])
        gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)
    assert params["shared_embedding"]["embedding"].shape == (3, 4)
    assert sum("shared_embedding" in str(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)) == 1


def test_each_chunk_of_the_latent_goes_to_its_own_block(drawn):
    params = drawn(SMALL, LATENT, LABEL)
    apply = jax.jit(lambda params, z: SMALL.apply({"params": params}, z, LABEL))

    def without_chunks(block):
        """The parameters with the rows that read the chunk of z, below those of the class embedding, set to zero."""
        norms = {
            norm: {kind: {"kernel": params[block][norm][kind]["kernel"].at[4:].set(0.0)} for kind in ("gain", "bias")}
            for norm in ("norm_1", "norm_2")
        }
        return params | {block: params[block] | norms}

    readers = [params, without_chunks("block_0"), without_chunks("block_1")]
    for chunk, reader in itertools.product(range(3), range(3)):
        moved = LATENT.at[:, 3 * chunk : 3 * chunk + 3].add(1.0)
        change = np.abs(apply(readers[reader], moved) - apply(readers[reader], LATENT)).max()
        # Chunk 0 enters the first layer, chunk k the norms of block k - 1, and nothing else.
        assert (change < 1e-6) == (chunk == reader and chunk > 0)


def test_the_label_enters_through_the_embedding_alone(drawn):
    params = drawn(SMALL, LATENT, LABEL)
    apply = jax.jit(lambda params, label: SMALL.apply({"params": params}, LATENT, label))
    assert np.abs(apply(params, LABEL) - apply(params, 2 - LABEL)).max() > 1e-3
    blind = params | {"shared_embedding": {"embedding": jnp.ones((3, 4))}}
    np.testing.assert_array_equal(apply(blind, LABEL), apply(blind, 2 - LABEL))


def test_without_the_shared_embedding_each_class_has_its_own_gains(drawn, run):
    params = drawn(SMALL.clone(shared_size=0), LATENT, LABEL)
    assert params["block_0"]["norm_1"]["gain"]["kernel"].shape[0] == 3 + 3  # a row for each class, and the chunk's
    made = run(SMALL.clone(shared_size=0), params, LATENT, LABEL)
    # It is the network whose embedding is the identity.
    shared = params | {"shared_embedding": {"embedding": jnp.eye(3)}}
    np.testing.assert_allclose(made, run(SMALL.clone(shared_size=3), shared, LATENT, LABEL), atol=1e-6)


def test_chunks_that_cannot_be_equal_begin_with_the_longer_ones(drawn, run):
    latent = jnp.concatenate([LATENT, LATENT[:, :1]], axis=1)  # 10 components in three chunks: 4, 3 and 3
    params = drawn(SMALL, latent, LABEL)
    assert params["project"]["kernel"].shape[0] == 4
    assert {params[f"block_{index}"]["norm_1"]["gain"]["kernel"].shape[0] for index in (0, 1)} == {
        SMALL.shared_size + 3
    }


def test_without_the_hierarchy_all_of_z_enters_the_first_layer(drawn, run):
    network = SMALL.clone(hierarchical=False)
    latent = jnp.concatenate([LATENT, LATENT[:, :1]], axis=1)  # 10 components, which three chunks could not share
    params = drawn(network, latent, LABEL)
    assert params["project"]["kernel"].shape[0] == 10
    assert params["block_1"]["norm_2"]["gain"]["kernel"].shape[0] == 4
    silent = params | {"project": jax.tree.map(jnp.zeros_like, params["project"])}
    np.testing.assert_array_equal(run(network, silent, latent, LABEL), run(network, silent, -latent, LABEL))
    assert np.abs(run(network, params, latent, LABEL) - run(network, params, -latent, LABEL)).max() > 1e-3


@pytest.mark.parametrize(
    ("network", "inputs", "words"),
    [
        (
            BigGANGenerator((48, 48, 3), embedded_classes=3),
            (2, 120),
            "48x48; make them square, of side 16, 32, 64, 128, 256, 512",
        ),
        (BigGANGenerator((128, 128, 3), embedded_classes=3), (2, 5), "6 chunks, but they have size 5; use 6 or more"),
        (BigGANDiscriminator(projected_classes=3), (2, 48, 48, 3), "48x48; make them square"),
        (BigGANDiscriminator(projected_classes=3), (2, 32, 64, 3), "32x64; make them square"),
        (BigGANGenerator((128, 128, 3)), (2, 120), "embedded_classes=0 but got labels"),
        (BigGANDiscriminator(), (2, 32, 32, 3), "projected_classes=0 but got labels"),
    ],
)
def test_errors(network, inputs, words, shapes):
    with pytest.raises(ValueError, match=words):
        shapes(network, inputs, "label")
