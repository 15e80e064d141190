"""BEGAN: "Boundary Equilibrium Generative Adversarial Networks", Berthelot, Schumm and Metz 2017 (arXiv:1703.10717)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses import equilibrium
from jaxgan.mesh import batch_mean
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Pair,
    Term,
    Terms,
    make_pair,
    merged,
    sample_abilities,
)


def began(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 64,
    gamma: float = 0.5,
    gain: float = 1e-3,
    simultaneous: bool = False,
    vanishing_steps: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """An autoencoder and a generator kept in balance by a controller, k.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Autoencoder images -> L(v) (B,), each image's mean absolute reconstruction error.
        latent_size: Components of z ~ U(-1, 1).
        gamma: The diversity ratio E[L(G(z))] / E[L(x)] that is held, in [0, 1]: lower is sharper and less diverse.
        gain: lambda_k, by how much a step corrects k.
        simultaneous: Both players move at once, from the same parameters, as in the paper (section 3.4); otherwise the
            generator answers the autoencoder that has just moved.
        vanishing_steps: Vanishing residuals (section 3.5.1) for networks that take a keyword `carry`: it falls from 1 to 0
            in so many steps, 16,000 in the paper, which does not say along which line; here a straight one. 0: none.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    if not 0 <= gamma <= 1:
        raise UserError(f"began: gamma={gamma}, but it is a ratio of two errors in [0, 1]")
    if vanishing_steps < 0:
        raise UserError(f"began: vanishing_steps={vanishing_steps}, but it is a number of steps; 0 for none")
    # The errors of reals are the lower ones.
    draws, extra = Draws(Latent(latent_size, "uniform")), Terms(terms, decide=lambda errors: -errors)

    def faded(nets: Nets) -> dict[str, Any]:
        return {"carry": jnp.maximum(1.0 - nets.clock.step / vanishing_steps, 0.0)} if vanishing_steps else {}

    def generate(nets: Nets, z: jax.Array, label: None = None) -> jax.Array:
        return nets.generator(z, **faded(nets))

    def error(nets: Nets, images: jax.Array, **options: Any) -> jax.Array:
        return nets.discriminator(images, **faded(nets), **options)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Pair:
        latent = draws.latent(key, len(batch["image"]))
        fields: dict[str, Any] = {"discriminate": error, "generate": generate, "latent": latent}
        return make_pair(nets, DISCRIMINATOR, batch["image"], generate(nets, latent), batch, memory, **fields)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        real_error, fake_error = pair.real_logits.mean(), pair.fake_logits.mean()
        # L_D = L(x) - k_t L(G(z_D))
        loss = real_error - memory["k"] * fake_error
        # k_{t+1} = k_t + lambda_k (gamma L(x) - L(G(z))), from what both errors were before this step's updates
        real_mean, fake_mean = (batch_mean(jax.lax.stop_gradient(error), ()) for error in (real_error, fake_error))
        k = equilibrium.update(memory["k"], real_mean, fake_mean, gamma, gain)
        convergence = equilibrium.convergence(real_mean, fake_mean, gamma)
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        metrics |= {"convergence": convergence, "k": k, "d_real": real_error, "d_fake": fake_error}
        # It takes an image for real whose error is below that of fakes.
        scores = {DISCRIMINATOR: fake_mean - pair.real_logits}
        return loss + cost, Aux(metrics, {**memory, "k": k}, scores)

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        # L_G = L(G(z_G)): the gradient reaches the fake both as the autoencoder's input and as its target.
        loss = extra.fake_logits(pair).mean()
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return loss + cost, Aux(metrics, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss, randomness="latent"),
        Turn(GENERATOR, generator_loss, randomness="latent", together=simultaneous),
        *extra.lazy_turns(lambda *args: [drawn(*args)]),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged({"k": jnp.float32(0.0)}, extra.first_memory()),
        abilities=sample_abilities(draws, generate),
        means=("k", "terms"),
    )
