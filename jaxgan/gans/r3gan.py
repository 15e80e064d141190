"""R3GAN: "The GAN is dead; long live the GAN! A Modern Baseline GAN", Huang et al. 2024 (arXiv:2501.05441)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.core.schedules import Schedule
from jaxgan.losses import relativistic
from jaxgan.parts import Draws, Term, known_classes, two_player_game
from jaxgan.parts.terms import r1, r2


def r3gan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 64,
    gamma: float = 1.0,
    schedule: Schedule | None = None,
    reuse_fakes: bool = False,
    fresh_reals: bool = False,
    conditional: bool = False,
    num_classes: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """Relativistic pairs with gradient penalties on reals and on fakes.

    Args:
        generator: Network z (B, latent_size) [, labels (B,)] -> samples (B, ...).
        discriminator: Network samples [, labels] -> scores (B,); no layer may mix the samples of a batch.
        latent_size: Components of z ~ N(0, I).
        gamma: Weight of both penalties.
        schedule: Factor on it, by the game's clock.
        reuse_fakes: See `dcgan`.
        fresh_reals: The generator's pairs are of other reals than the discriminator's, as in the authors' program.
        conditional: Whether both networks are told the label.
        num_classes: Classes of the label; the data's own, in a config.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    # Eq. 2: L_D = E[softplus(C(g) - C(x))],  L_G = E[softplus(C(x) - C(g))]
    objective = relativistic("pairing", "standard")
    # R1 = gamma / 2 E || grad C(x) ||^2 and R2 = gamma / 2 E || grad C(g) ||^2
    own = (r1(gamma, schedule), r2(gamma, schedule))
    draws = Draws(Latent(latent_size), known_classes(num_classes) if conditional else 0)
    options = {"reuse_fakes": reuse_fakes, "fresh_reals": fresh_reals}
    return two_player_game(generator, discriminator, draws, objective, (*own, *terms), **options)
