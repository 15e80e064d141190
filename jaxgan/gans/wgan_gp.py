"""WGAN-GP: "Improved Training of Wasserstein GANs", Gulrajani et al. 2017 (arXiv:1704.00028)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import wasserstein
from jaxgan.parts import Draws, Term, two_player_game
from jaxgan.parts.terms import gradient_penalty


def wgan_gp(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 128,
    penalty: float = 10.0,
    one_sided: bool = False,
    squared: bool = True,
    region: str = "between",
    discriminator_steps: int = 5,
    generator_fakes: int = 1,
    terms: Sequence[Term] = (),
) -> Game:
    """A critic whose gradient is held to length 1 between reals and fakes.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: The critic, samples -> scores (B,); no layer may mix the samples of a batch.
        latent_size: Components of z ~ N(0, I).
        penalty: lambda in Eq. 3.
        one_sided: Only gradients longer than 1 cost.
        squared: False: the penalty is the distance of the gradient's length from 1; with `one_sided` a hinge.
        region: Where the gradient is looked at: "between" reals and fakes, "around" the reals, at the "reals" or the "fakes".
        discriminator_steps: n_critic, critic turns for each generator turn.
        generator_fakes: Fakes for each real in the generator's turn; the program for CIFAR-10 has 2.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 3: L = E[C(G(z))] - E[C(x)] + lambda E[(|| grad C(x_hat) ||_2 - 1)^2], x_hat on the lines between reals and fakes
    own = (gradient_penalty(penalty, one_sided, squared, region),)
    draws = Draws(Latent(latent_size), fakes=generator_fakes)
    return two_player_game(
        generator, discriminator, draws, wasserstein, (*own, *terms), discriminator_steps=discriminator_steps
    )
