"""Directions of a latent space along which images change, found without labels: in closed form, and by principal components.

A layer here is a module with a parameter "kernel": dense ones and convolutions, wherever they stand in a network.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.errors import UserError

Generate = Callable[[jax.Array], jax.Array]  # latents (B, D) -> images, by flax networks

_NOTHING = 1e-3  # a smaller share of the largest activation is rounding


class Layers(NamedTuple):
    """What the layers of a generator read, by their numbers in the order in which they are called.

    Attributes:
        first: Those that read the latent itself, or what only normalisations, classes and the like have made of it.
        hidden: The first one that reads it through other layers; None: there is none.
    """

    first: tuple[int, ...]
    hidden: int | None


def varying(generate: Generate, latents: jax.Array) -> tuple[jax.Array, jax.Array]:
    """For `layers`: which layers are given something else for other latents; pure.

    Args:
        generate: The generator.
        latents: (B, D), at least two.

    Returns:
        bool (L,): which are while all layers before them give what they give for the first latent; and which are at all.
    """
    hold = lambda y: jnp.broadcast_to(y[:1], y.shape)  # noqa: E731
    return _vary(_calls(generate, latents, hold)), _vary(_calls(generate, latents))


def layers(first: np.ndarray, every: np.ndarray) -> Layers:
    """What `varying` found, in numbers.

    Raises:
        UserError: No layer reads the latent.
    """
    if not first.any():
        raise UserError(
            "no layer of the generator reads its latent: directions need a module with a parameter 'kernel'"
        )
    hidden = np.flatnonzero(every & ~first)
    return Layers(tuple(np.flatnonzero(first).tolist()), int(hidden[0]) if len(hidden) else None)


def gram(generate: Generate, latent: jax.Array, first: Sequence[int]) -> jax.Array:
    """A' A, float32 (D, D), of the first layers' matrices A, one below the other, each row divided by its norm; pure.

    Where a layer reads the latent itself A is its kernel, wherever the latent lies; where it reads a normalised one, A is the
    derivative at this latent, and the mean over several has the same eigenvectors. Rows of unit norm are of the authors'
    program, not of the paper: all that layers give then has one deviation, as norms behind them make it. Otherwise the many
    norms of BigGAN, which change little, may outweigh its first map.

    Args:
        generate: The generator.
        latent: (D,).
        first: Numbers of the layers.
    """

    def outputs(z: jax.Array) -> list[jax.Array]:
        # Behind a layer nothing reads the latent itself.
        calls = _calls(generate, z[None], jax.lax.stop_gradient)
        return [calls[index].gave.astype(jnp.float32) for index in first]

    given, pull = jax.vjp(outputs, latent)
    # The library's convolutions have derivatives in reverse mode alone. u -> A' u is linear, and its reverse is v -> A v.
    _, push = jax.vjp(lambda u: pull(u)[0], jax.tree.map(jnp.zeros_like, given))
    columns = jax.vmap(lambda v: push(v)[0])(jnp.eye(len(latent)))
    flat = jnp.concatenate([part.reshape(len(latent), -1) for part in columns], axis=1)  # A', (D, F)
    flat = flat / jnp.maximum(jnp.linalg.norm(flat, axis=0, keepdims=True), 1e-12)
    return jnp.matmul(flat, flat.T, precision="highest")


def activations(generate: Generate, latents: jax.Array, hidden: int | None) -> jax.Array:
    """What a layer is given for each latent, float32 (B, F); without a layer, the images themselves. Pure.

    Of what the first layer gives as it is, A z, the principal components lead back to the eigenvectors of `closed_form`: what
    is new begins behind its nonlinearity, which the next layer reads.
    """
    given = generate(latents) if hidden is None else _calls(generate, latents)[hidden].read
    return given.reshape(len(latents), -1).astype(jnp.float32)


def closed_form(gram: np.ndarray, number: int) -> np.ndarray:
    """Unit vectors (K, D) along which the first layers' outputs change most, the strongest first.

    Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs" (2021, arXiv:2007.06600), section 3: the n that
    maximise |A n|^2 and stand at right angles, the eigenvectors of A' A.

    Args:
        gram: A' A, (D, D).
        number: K, or D if that is less.
    """
    _, vectors = np.linalg.eigh(np.asarray(gram, np.float64))
    return _signed(vectors[:, ::-1].T[:number])


def principal(activations: np.ndarray, latents: np.ndarray, number: int) -> np.ndarray:
    """Unit vectors (K, D) that move activations along their principal components, the largest first.

    Härkönen, Hertzmann, Lehtinen and Paris, "GANSpace: Discovering Interpretable GAN Controls" (2020, arXiv:2004.02546),
    section 2: the components of activations, with coordinates x, carried back to latents by least squares,
    u = argmin sum |u x - (z - mean of z)|^2. Where the activations are the latents, as in a space W, u is the component itself.

    Args:
        activations: (N, F), float32.
        latents: (N, D), from which they came.
        number: K, or as many components as there are.
    """
    centred = activations - activations.mean(axis=0, dtype=np.float64).astype(np.float32)
    moved = np.asarray(latents, np.float64) - latents.mean(axis=0, dtype=np.float64)
    # There are fewer latents than activations as a rule: (X X') e = s^2 e, and s e are the coordinates.
    squares, vectors = np.linalg.eigh(np.asarray(centred @ centred.T, np.float64))
    number = min(number, int((squares > 1e-6 * squares[-1]).sum()), latents.shape[1])
    # Coordinates of two components are uncorrelated: each u is a regression of its own, z' x / x' x.
    found = (vectors[:, ::-1][:, :number] / np.sqrt(squares[::-1][:number])).T @ moved
    return _signed(found / np.linalg.norm(found, axis=1, keepdims=True))


class _Call(NamedTuple):
    read: jax.Array
    gave: jax.Array


def _calls(
    generate: Generate, latents: jax.Array, passed: Callable[[jax.Array], jax.Array] = lambda y: y
) -> list[_Call]:
    """What each layer read and gave; what the network goes on with is `passed` of that."""
    calls: list[_Call | None] = []

    def intercept(
        run: Callable[..., jax.Array], args: tuple, kwargs: dict, context: nn.module.InterceptorContext
    ) -> jax.Array:
        if context.method_name != "__call__" or not context.module.has_variable("params", "kernel"):
            return run(*args, **kwargs)
        place = len(calls)
        calls.append(None)
        gave = run(*args, **kwargs)
        calls[place] = _Call((*args, *kwargs.values())[0], gave)
        return passed(gave)

    with nn.intercept_methods(intercept):
        generate(latents)
    return [call for call in calls if call is not None]


def _vary(calls: Sequence[_Call]) -> jax.Array:
    def varies(x: jax.Array) -> jax.Array:
        x = x.astype(jnp.float32)
        return jnp.abs(x - x[:1]).max() > _NOTHING * jnp.abs(x).max()

    return jnp.array([varies(call.read) for call in calls], bool)


def _signed(vectors: np.ndarray) -> np.ndarray:
    """The same lines, each so that its largest component is positive; float32."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return (vectors * np.where(largest < 0, -1.0, 1.0)).astype(np.float32)
