"""EBGAN: "Energy-based Generative Adversarial Network", Zhao, Mathieu and LeCun 2016 (arXiv:1609.03126)."""

import dataclasses
from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import energy
from jaxgan.parts import DISCRIMINATOR, Draws, Term, two_player_game
from jaxgan.parts.terms import pulling_away


def ebgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    margin: float = 10.0,
    repelling: float = 0.1,
    pretraining_steps: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """The discriminator is an autoencoder whose reconstruction error is an energy: low on the data, at least m elsewhere.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> energies (B,), >= 0; with `features=True` also its code (B, F).
        latent_size: Components of z ~ N(0, I).
        margin: m. It must fit the energy's scale: 10 on MNIST and 20 on faces, where the energy is a norm over all pixels.
        repelling: Weight of the pulling-away term on the code of the fakes (section 2.4); 0 leaves it out.
        pretraining_steps: Steps in which the autoencoder alone learns to reconstruct the data.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    # Eq. 1 and 2: L_D = D(x) + [m - D(G(z))]^+,  L_G = D(G(z)) + lambda f_PT
    own = (pulling_away(repelling),) if repelling else ()
    game = two_player_game(generator, discriminator, Draws(Latent(latent_size)), energy(margin), (*own, *terms))
    if not pretraining_steps:
        return game

    def reconstruct(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        return nets.discriminator(batch["image"]).mean(), Aux()

    first = Stage(
        (Turn("autoencoder", reconstruct, (DISCRIMINATOR,)),), name="pretraining", until_step=pretraining_steps
    )
    return dataclasses.replace(game, stages=(first, *game.stages))
