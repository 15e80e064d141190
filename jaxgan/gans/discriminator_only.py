"""Generation by a discriminator alone: "Implicit Generation and Generalization in Energy-Based Models", Du and Mordatch 2019.

arXiv:1903.08689. There is no generator: what is taken for real is found by ascending D.
"""

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import Search
from jaxgan.errors import UserError
from jaxgan.parts import DISCRIMINATOR, as_verdict, judge_ability
from jaxgan.parts.abilities import NUMBER_ARGUMENT
from jaxgan.parts.langevin import Langevin, uniform_images


def discriminator_only(
    discriminator: Player,
    *,
    step_size: float = 10.0,
    noise: float = 0.005,
    gradient_limit: float = 0.03,
    chain_steps: int = 60,
    sample_steps: int = 200,
    kept_chains: int = 10_000,
    fresh_share: float = 0.05,
    score_penalty: float = 0.1,
) -> Game:
    """D rises on the data and falls where its own gradient leads to: in the end, Langevin steps lead to the data.

    Args:
        discriminator: Network images -> scores (B,), the negative energy.
        step_size: Of a Langevin step; see `jaxgan.parts.langevin`.
        noise: Deviation of its noise.
        gradient_limit: Entries of the gradient are clipped to it. The paper does not clip.
        chain_steps: K, steps that a chain goes on for in a turn.
        sample_steps: Steps from noise to a sample.
        kept_chains: Ends of chains that are kept; later turns go on from them (section 3.2).
        fresh_share: Of the chains of a turn, those that begin with noise anew.
        score_penalty: Weight of E[D(x)^2] + E[D(x')^2], which keeps scores where they can be computed with.
    """
    if min(chain_steps, sample_steps, kept_chains) < 1 or not 0 <= fresh_share <= 1:
        raise UserError(
            f"chain_steps={chain_steps}, sample_steps={sample_steps} and kept_chains={kept_chains} must be at least 1, and "
            f"fresh_share={fresh_share:g} in [0, 1]"
        )
    langevin = Langevin(step_size, noise, gradient_limit)

    def score(nets: Nets, images: jax.Array) -> jax.Array:
        return as_verdict(nets.discriminator(images)).score

    def negatives(nets: Nets, real: jax.Array, kept: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images that D's gradient leads to, (B, ...), and the kept ones with them among them."""
        where_key, fresh_key, noise_key, chain_key = jax.random.split(key, 4)
        where = jax.random.permutation(where_key, len(kept))[: len(real)]
        fresh = jax.random.bernoulli(fresh_key, fresh_share, (len(where),)).reshape(-1, *(1,) * (real.ndim - 1))
        start = jnp.where(fresh, uniform_images(noise_key, len(where), real.shape[1:]), kept[where])
        end = langevin.chain(lambda x: score(nets.bare, x), chain_key, start, chain_steps)
        return end, kept.at[where].set(end)

    def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        real = batch["image"]
        fake, kept = negatives(nets, real, memory["chains"], key)
        on_real, on_fake = score(nets, real), score(nets, fake)
        # Eq. 2, with the penalty of section 3.3: E[E(x)] - E[E(x')] + alpha (E[E(x)^2] + E[E(x')^2]), E = -D
        size = jnp.square(on_real).mean() + jnp.square(on_fake).mean()
        metrics = {"d_real": on_real.mean(), "d_fake": on_fake.mean()}
        contrast = metrics["d_fake"] - metrics["d_real"]
        return contrast + score_penalty * size, Aux(metrics, {**memory, "chains": kept}, {DISCRIMINATOR: on_real})

    def begin(nets: Nets, key: jax.Array, number: int) -> jax.Array:
        return uniform_images(key, number, nets.memory["chains"].shape[1:])

    def go_on(
        nets: Nets, key: jax.Array, found: jax.Array, index: jax.Array, distance: object, number: int
    ) -> jax.Array:
        return langevin.step(lambda x: score(nets, x), jax.random.fold_in(key, index), found)

    sample = Ability(
        lambda nets, key, found, number: found,
        {"number": NUMBER_ARGUMENT},
        gives="images",
        drawn="samples",
        help="draws samples, by Langevin steps from noise",
        search=Search(begin, go_on, sample_steps),
    )
    return Game(
        players={DISCRIMINATOR: discriminator},
        inputs={DISCRIMINATOR: lambda batch: (batch["image"],)},
        stages=(Stage((Turn(DISCRIMINATOR, loss),)),),
        memory=lambda key, batch: {"chains": uniform_images(key, kept_chains, batch["image"].shape[1:])},
        abilities={"sample": sample, "judge": judge_ability()},
    )
