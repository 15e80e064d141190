"""WGAN: "Wasserstein GAN", Arjovsky, Chintala and Bottou 2017 (arXiv:1701.07875); with a penalty it is `configs/wgan_gp.py`."""

import dataclasses

from jaxgan.core import Game, Player, Stage
from jaxgan.gans.gan import gan
from jaxgan.gans.terms import GENERATOR


def wgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    n_critic: int = 5,
    warm_up: int = 25,
    warm_up_critic: int = 100,
) -> Game:
    """Algorithm 1: `n_critic` critic turns on fresh minibatches, then one of the generator.

    The critic's weights are clipped after each of its updates by its player's constraint, `constraints.clip(0.01)`.

    Args:
        generator: As in `gan`.
        discriminator: The critic, images -> scores (B,).
        latent_size: Components of z ~ N(0, I).
        n_critic: Critic turns for each generator turn.
        warm_up: The first so many generator turns come after `warm_up_critic` critic turns each, so that the critic is
            near its optimum when the generator sets out (the authors' program; not in the paper).
        warm_up_critic: A multiple of `n_critic`.
    """
    if warm_up_critic % n_critic:
        raise ValueError(f"wgan: warm_up_critic={warm_up_critic} is no multiple of n_critic={n_critic}")
    # Eq. 2 and 3: the critic ascends E[C(x)] - E[C(G(z))], the generator ascends E[C(G(z))].
    game = gan(generator, discriminator, latent_size=latent_size, objective="wasserstein", discriminator_steps=n_critic)
    if not warm_up:
        return game
    # A step has n_critic critic turns; in the warm-up only every so manieth step has a generator turn.
    rarely = warm_up_critic // n_critic
    turns = tuple(
        dataclasses.replace(turn, every=rarely) if turn.name == GENERATOR else turn for turn in game.stages[0].turns
    )
    first = Stage(turns, name="warm-up", until_step=warm_up * rarely)
    return dataclasses.replace(game, stages=(first, *game.stages))
