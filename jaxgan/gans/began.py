"""BEGAN: "Boundary Equilibrium Generative Adversarial Networks", Berthelot, Schumm and Metz 2017 (arXiv:1703.10717)."""

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.gans.gan import sampler
from jaxgan.losses import equilibrium
from jaxgan.mesh import batch_mean


def began(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 64,
    gamma: float = 0.5,
    gain: float = 1e-3,
) -> Game:
    """An autoencoder and a generator kept in balance by a controller, k.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Autoencoder images -> L(v) (B,), each image's mean absolute reconstruction error.
        latent_size: Components of z ~ U(-1, 1).
        gamma: The diversity ratio E[L(G(z))] / E[L(x)] that is held, in [0, 1]: lower is sharper and less diverse.
        gain: lambda_k, by how much a step corrects k.
    """
    draw = Latent(latent_size, "uniform")

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        fake = nets.generator(draw(key, len(batch["image"])))
        real_error, fake_error = nets.discriminator(batch["image"]).mean(), nets.discriminator(fake).mean()
        # L_D = L(x) - k_t L(G(z_D))
        loss = real_error - memory["k"] * fake_error
        # k_{t+1} = k_t + lambda_k (gamma L(x) - L(G(z))), from what both errors were before this step's updates
        real_mean, fake_mean = (batch_mean(jax.lax.stop_gradient(error), ()) for error in (real_error, fake_error))
        k = equilibrium.update(memory["k"], real_mean, fake_mean, gamma, gain)
        convergence = equilibrium.convergence(real_mean, fake_mean, gamma)
        return loss, Aux({"convergence": convergence, "k": k, "d_real": real_error, "d_fake": fake_error}, {"k": k})

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        # L_G = L(G(z_G)): the gradient reaches the fake both as the autoencoder's input and as its target.
        return nets.discriminator(nets.generator(draw(key, len(batch["image"])))).mean(), Aux()

    return Game(
        players={"generator": generator, "discriminator": discriminator},
        inputs={"generator": lambda batch: (draw.example(),), "discriminator": lambda batch: (batch["image"],)},
        stages=(
            Stage(
                (
                    Turn("discriminator", discriminator_loss, randomness="latent"),
                    Turn("generator", generator_loss, randomness="latent"),
                )
            ),
        ),
        memory=lambda key, batch: {"k": jnp.float32(0.0)},
        abilities={"sample": sampler(draw)},
    )
