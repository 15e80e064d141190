"""VAE: "Auto-Encoding Variational Bayes", Kingma and Welling 2013 (arXiv:1312.6114). The baseline of those with adversaries."""

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses import bernoulli_cost, normal_cost, normal_kl
from jaxgan.parts import ENCODER, GENERATOR, Draws, NormalCode, code_abilities, sample_abilities

_LIKELIHOODS = ("normal", "bernoulli")


def vae(
    encoder: Player,
    generator: Player,
    *,
    latent_size: int = 20,
    likelihood: str = "normal",
    deviation: float = 1.0,
    variational: bool = True,
) -> Game:
    """An encoder and a decoder, the generator, that move together; there is no adversary.

    Args:
        encoder: Network x (B, ...) -> (B, outputs), where `outputs` is 2 latent_size: the mean of q(z | x) and the logarithm of
            its variance; or latent_size for a plain autoencoder.
        generator: Network z (B, latent_size) -> images (B, ...) in [-1, 1], the mean of p(x | z).
        latent_size: Components of z.
        likelihood: p(x | z): "normal", or "bernoulli", the paper's for MNIST, whose grey levels are taken for probabilities.
        deviation: Of the normal one.
        variational: False leaves a plain autoencoder: no divergence, and nothing is drawn. Codes then lie where they like, and
            the decoder makes little of an N(0, I) that it has not learned from.
    """
    if likelihood not in _LIKELIHOODS:
        raise UserError(f"likelihood={likelihood!r} does not exist; choose one of {', '.join(_LIKELIHOODS)}")
    if deviation <= 0:
        raise UserError(f"deviation={deviation:g} of p(x | z), but it must be above 0")
    draws = Draws(Latent(latent_size))

    def encode(nets: Nets, images: jax.Array) -> jax.Array | NormalCode:
        outputs = nets.encoder(images)
        return NormalCode.of(outputs) if variational else outputs

    def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        x, code = batch["image"], encode(nets, batch["image"])
        y = nets.generator(code.draw(key) if isinstance(code, NormalCode) else code)
        cost = (bernoulli_cost(x, y) if likelihood == "bernoulli" else normal_cost(x, y, deviation)).mean()
        if not isinstance(code, NormalCode):
            return cost, Aux({"reconstruction": cost})
        # Eq. 3: KL(q(z | x) || p(z)) - E_q[log p(x | z)]
        divergence = normal_kl(*code).mean()
        return divergence + cost, Aux({"reconstruction": cost, "kl": divergence})

    return Game(
        players={ENCODER: encoder.with_network(outputs=(1 + variational) * latent_size), GENERATOR: generator},
        inputs={ENCODER: lambda batch: (batch["image"],), GENERATOR: draws.generator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage((Turn("autoencoder", loss, (ENCODER, GENERATOR)),)),),
        abilities=sample_abilities(draws)
        | code_abilities(encode, lambda nets, codes: nets.generator(codes), densities=variational),
    )
