"""Directions of latents against singular vectors, kernels that are known, and axes that a generator was built with."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import directions
from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv, pixel_norm
from jaxgan.networks import BigGANGenerator, DCGANGenerator, ProGANGenerator

SIZE = 6  # of the latents


def latents(number=8, size=SIZE):
    return jax.random.normal(jax.random.key(1), (number, size))


def generator(network, *label):
    """The network's parameters, and it as a function of latents alone."""
    labels = lambda number: tuple(jnp.full(number, each, jnp.int32) for each in label)  # noqa: E731
    variables = network.init(jax.random.key(0), latents(2), *labels(2))
    return variables["params"], lambda z: network.apply(variables, z, *labels(len(z)))


def layers_of(generate):
    return directions.layers(*(np.asarray(each) for each in directions.varying(generate, latents())))


def aligned(a, b):
    """|cosine| of the angle between the rows of two arrays, unit vectors."""
    return np.abs(np.sum(np.asarray(a) * np.asarray(b), axis=1))


def gram_of_units(*kernels):
    """The sum of K K' over kernels (D, ..., F), whose columns, one for each unit of a layer's output, have norm 1."""
    total = np.zeros((SIZE, SIZE))
    for kernel in kernels:
        columns = np.asarray(kernel, float).reshape(SIZE, -1)
        columns = columns / np.linalg.norm(columns, axis=0)
        total += columns @ columns.T
    return total


def right_singular_vectors(matrix):
    return np.linalg.svd(np.asarray(matrix, np.float64))[2]


# ---- which layers read the latent


class Chain(nn.Module):
    """A constant that convolutions turn into a map, which styles of the latent scale: after a layer, and before one."""

    @nn.compact
    def __call__(self, z):
        constant = self.param("constant", nn.initializers.normal(1.0), (4, 4, 3))
        x = Conv(3, name="of_the_constant")(jnp.broadcast_to(constant[None], (len(z), 4, 4, 3)))
        x = x * nn.Dense(3, name="style")(z)[:, None, None]
        x = Conv(2, name="of_the_style")(nn.relu(x))
        return jnp.tanh(x * nn.Dense(2, name="second_style")(z)[:, None, None])


def test_the_first_layers_are_those_that_read_the_latent_itself():
    _, generate = generator(Chain())
    assert layers_of(generate) == directions.Layers(first=(1, 3), hidden=2)
    _, generate = generator(DCGANGenerator(output_shape=(16, 16, 1), width=4))
    assert layers_of(generate) == directions.Layers((0,), 1)
    _, generate = generator(nn.Dense(3))
    assert layers_of(generate) == directions.Layers((0,), None)
    with pytest.raises(UserError, match="no layer of the generator reads its latent"):
        layers_of(lambda z: jnp.tanh(z))


# ---- in closed form


@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_generators_directions_are_its_singular_vectors(seed):
    kernel = np.random.default_rng(seed).normal(size=(SIZE, 20)).astype(np.float32)
    bias = jnp.full(20, 3.0)
    generate = lambda z: nn.Dense(20).apply({"params": {"kernel": kernel, "bias": bias}}, z)  # noqa: E731
    gram = directions.gram(generate, latents()[0], layers_of(generate).first)
    np.testing.assert_allclose(gram, gram_of_units(kernel), rtol=1e-4, atol=1e-4)
    found = directions.closed_form(gram, 4)
    assert found.shape == (4, SIZE) and found.dtype == np.float32
    units = kernel / np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(aligned(found, right_singular_vectors(units.T)[:4]), 1, atol=1e-5)
    assert (np.take_along_axis(found, np.abs(found).argmax(1)[:, None], 1) > 0).all()
    assert len(directions.closed_form(gram, 100)) == SIZE


def test_several_first_layers_are_one_matrix():
    params, generate = generator(Chain())
    kernels = [params[name]["kernel"] for name in ("style", "second_style")]
    gram = directions.gram(generate, latents()[0], (1, 3))
    np.testing.assert_allclose(gram, gram_of_units(*kernels), rtol=1e-4, atol=1e-4)


def test_biggans_chunks_of_the_latent_do_not_mix():
    """Each chunk is read by the first map or by the norms of its block: the Gram matrix has a block for each."""
    params, generate = generator(
        BigGANGenerator(output_shape=(16, 16, 1), width=4, embedded_classes=3, shared_size=5), 1
    )
    chunk, expected = SIZE // 3, np.zeros((SIZE, SIZE))
    blocks = [[params["project"]["kernel"]]]
    for block in ("block_0", "block_1"):
        norms = [params[block][norm][part]["kernel"][5:] for norm in ("norm_1", "norm_2") for part in ("gain", "bias")]
        blocks.append(norms)  # behind the five components of the embedding
    for index, kernels in enumerate(blocks):
        place = slice(index * chunk, (index + 1) * chunk)
        for kernel in kernels:
            columns = np.asarray(kernel) / np.linalg.norm(kernel, axis=0)
            expected[place, place] += columns @ columns.T
    gram = directions.gram(generate, latents()[0], layers_of(generate).first)
    np.testing.assert_allclose(gram, expected, rtol=1e-4, atol=1e-4)


def test_behind_a_normalisation_the_mean_has_the_kernels_eigenvectors():
    """A row a of unit norm is seen as a (1 - u u') / |a (1 - u u')| at a point u of the unit sphere.

    On average its square has 1 - E[(a u)^2] = 1 - 1/d along a and, since its trace is 1, 1 / (d (d - 1)) in other directions.
    """
    params, generate = generator(ProGANGenerator(output_shape=(8, 8, 1), base_width=8, max_width=4))
    kernel = np.asarray(params["project"]["kernel"], np.float64)  # (4, 4, D, 4), of a map of one pixel
    whole, rows = gram_of_units(kernel.transpose(2, 0, 1, 3)), 4 * 4 * 4
    points = pixel_norm(latents(4000))
    assert layers_of(generate).first == (0,)
    grams = jax.jit(jax.vmap(lambda z: directions.gram(generate, z, (0,))))(points)
    others = 1 / (SIZE * (SIZE - 1))
    expected = (1 - 1 / SIZE - others) * whole + others * rows * np.eye(SIZE)
    # Of 4,000 draws, each far less than the trace away from the mean.
    np.testing.assert_allclose(grams.mean(0), expected, atol=rows / np.sqrt(len(points)))


def test_a_convolution_may_be_the_first_layer():
    class OfConvolutions(nn.Module):
        @nn.compact
        def __call__(self, z):
            return UpConv(3, name="first")(z[:, None, None])

    params, generate = generator(OfConvolutions())
    kernel = params["first"]["kernel"][1:3, 1:3].reshape(4, SIZE, 3)  # what is left of a 4x4 window on one pixel
    gram = directions.gram(generate, latents()[0], (0,))
    np.testing.assert_allclose(gram, gram_of_units(kernel.transpose(1, 0, 2)), rtol=1e-4, atol=1e-4)


# ---- by principal components


def test_principal_components_lead_back_to_the_axes_that_activations_were_built_of():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
    places = np.linalg.qr(rng.normal(size=(40, 3)))[0].T
    # With each point all its mirror images: odd functions of different coordinates are uncorrelated exactly.
    signs = np.stack(np.meshgrid(*[[-1, 1]] * SIZE), -1).reshape(-1, SIZE)
    coordinates = (rng.normal(size=(16, 1, SIZE)) * signs[None]).reshape(-1, SIZE)
    first, second, third = coordinates.T[:3]
    read = np.stack([5 * np.tanh(first), second**3 / 3, 0.3 * third], 1) @ places + 7.0
    found = directions.principal(read.astype(np.float32), (coordinates @ axes).astype(np.float32), 5)
    assert found.shape == (3, SIZE)  # there are no more
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    order = np.argsort([-np.var(column) for column in (5 * np.tanh(first), second**3 / 3, 0.3 * third)])
    np.testing.assert_allclose(aligned(found, axes[order]), 1, atol=1e-4)


def test_of_a_linear_layer_both_find_the_same():
    """Latents of mean 0 and covariance 1, exactly: the components of A z are those of A A', which A' A's eigenvectors make."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, SIZE))
    z = np.linalg.qr(z - z.mean(0))[0] * np.sqrt(500)
    matrix = rng.normal(size=(SIZE, 30))
    found = directions.principal((z @ matrix).astype(np.float32), z.astype(np.float32), SIZE)
    np.testing.assert_allclose(aligned(found, directions.closed_form(matrix @ matrix.T, SIZE)), 1, atol=1e-4)


def test_components_of_the_latents_themselves_are_the_directions():
    w = np.random.default_rng(0).normal(size=(300, SIZE)) @ np.diag([5, 4, 3, 2, 1, 0.5]) + 2.0
    expected = right_singular_vectors(w - w.mean(0))
    w = w.astype(np.float32)
    np.testing.assert_allclose(aligned(directions.principal(w, w, SIZE), expected), 1, atol=1e-4)


def test_activations_are_what_the_next_layer_reads():
    params, generate = generator(Chain())
    z = latents()
    styles = z @ params["style"]["kernel"] + params["style"]["bias"][None]
    first = Conv(3).apply({"params": params["of_the_constant"]}, params["constant"][None])
    expected = nn.relu(first * styles[:, None, None]).reshape(len(z), -1)
    np.testing.assert_allclose(directions.activations(generate, z, 2), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(directions.activations(generate, z, None), generate(z).reshape(len(z), -1), rtol=1e-6)
