"""WGAN-GP: "Improved Training of Wasserstein GANs", Gulrajani et al. 2017 (arXiv:1704.00028)."""

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.gans.gan import sampler
from jaxgan.losses import gradient_penalty, interpolate


def wgan_gp(
    generator: Player,
    critic: Player,
    *,
    latent_size: int = 128,
    n_critic: int = 5,
    penalty: float = 10.0,
    one_sided: bool = False,
) -> Game:
    """A critic kept 1-Lipschitz by a penalty on its gradient, and a generator that follows it.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        critic: Network images -> scores (B,), without batch norm: the penalty is on each image's own gradient.
        latent_size: Components of z ~ N(0, I).
        n_critic: Critic turns for each generator turn, each on fresh reals and fakes.
        penalty: lambda; the paper takes 10, and 0.1 on its toy densities.
        one_sided: Penalise only norms above 1.
    """
    draw = Latent(latent_size)

    def critic_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        latent_key, mix_key = jax.random.split(key)
        real = batch["image"]
        fake = nets.generator(draw(latent_key, len(real)))
        # Eq. 3: E[C(fake)] - E[C(real)] + lambda E[(|| grad C(x_hat) ||_2 - 1)^2]
        gap = nets.critic(fake).mean() - nets.critic(real).mean()
        steepness = gradient_penalty(nets.critic, interpolate(mix_key, real, fake), one_sided=one_sided)
        return gap + penalty * steepness, Aux({"wasserstein": -gap, "penalty": steepness})

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        return -nets.critic(nets.generator(draw(key, len(batch["image"])))).mean(), Aux()

    return Game(
        players={"generator": generator, "critic": critic},
        inputs={"generator": lambda batch: (draw.example(),), "critic": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("critic", critic_loss, repeats=n_critic), Turn("generator", generator_loss))),),
        abilities={"sample": sampler(draw)},
    )
