"""WGAN: "Wasserstein GAN", Arjovsky, Chintala and Bottou 2017 (arXiv:1701.07875)."""

import dataclasses
from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player, Stage
from jaxgan.errors import UserError
from jaxgan.losses import wasserstein
from jaxgan.parts import GENERATOR, Draws, Term, two_player_game


def wgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    discriminator_steps: int = 5,
    warm_up: int = 25,
    warm_up_steps: int = 100,
    terms: Sequence[Term] = (),
) -> Game:
    """Algorithm 1: several turns of the critic on fresh minibatches, then one of the generator.

    The critic's weights are clipped after each of its updates by its player's constraint, `constraints.clip(0.01)`.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: The critic, samples -> scores (B,).
        latent_size: Components of z ~ N(0, I).
        discriminator_steps: n_critic, critic turns for each generator turn.
        warm_up: The first so many generator turns come after `warm_up_steps` critic turns each, so that the critic is
            near its optimum when the generator sets out (the authors' program; not in the paper).
        warm_up_steps: A multiple of `discriminator_steps`.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.

    Raises:
        UserError: It is no multiple.
    """
    if warm_up_steps % discriminator_steps:
        raise UserError(
            f"wgan: warm_up_steps={warm_up_steps} is no multiple of discriminator_steps={discriminator_steps}: choose one"
        )
    # Eq. 2 and 3: the critic ascends E[C(x)] - E[C(G(z))], the generator ascends E[C(G(z))]
    draws = Draws(Latent(latent_size))
    game = two_player_game(generator, discriminator, draws, wasserstein, terms, discriminator_steps=discriminator_steps)
    if not warm_up:
        return game
    # A step has n_critic critic turns; in the warm-up only the last one of so many steps has a generator turn.
    rarely = warm_up_steps // discriminator_steps
    turns = tuple(
        dataclasses.replace(turn, every=rarely, phase=rarely - 1) if turn.name == GENERATOR else turn
        for turn in game.stages[0].turns
    )
    first = Stage(turns, name="warm-up", until_step=warm_up * rarely)
    return dataclasses.replace(game, stages=(first, *game.stages))
