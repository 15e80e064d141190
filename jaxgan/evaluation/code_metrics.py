"""What encoders are measured by while a game trains: what comes back of held-out images, and how their codes are spread."""

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.core.arrays import domain_arrays
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, other_split
from jaxgan.evaluation.held_out import spread_records
from jaxgan.evaluation.sample_metrics import unread_digits
from jaxgan.evaluation.translation_metrics import roughness
from jaxgan.metrics.frechet import Moments, frechet_distance

_LATENTS = 5000  # that codes are compared with


def reconstruction(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """What held-out images become by way of their codes, and what the codes of all are like.

    "reconstruction_mse" is the mean square of the difference, of images in [-1, 1]; "reconstruction_sharpness" the energy of
    the differences between neighbouring pixels as a share of the images' own; "reconstruction_agreement", for digits, the share
    that is still read as the digit it was. Of a game with latents, "code_fd" is the Frechet distance of the codes (drawn ones,
    where they have a density) from latents, over the number of components, and "latent_mse" how far E(G(z)) is from z.
    """
    held_out = spread_records(other_split(config.data, "test", source.arrays))
    arrays = domain_arrays(len(source.domains)) or ("image",)
    images = np.concatenate([np.asarray(held_out[name]) for name in arrays])
    made = snapshot.use("reconstruct", key, images=images)
    values = {
        "reconstruction_mse": float(np.square(made - images).mean()),
        "reconstruction_sharpness": roughness(made) / roughness(images),
    }
    if "label" in held_out and not unread_digits(source, config):
        values["reconstruction_agreement"] = metrics.class_accuracy(made, np.asarray(held_out["label"]))
    if "latents" not in snapshot.game.abilities:
        return values
    density = {"which": "drawn"} if snapshot.takes("encode", "which") else {}
    latents = snapshot.use("latents", key, number=_LATENTS)
    codes, prior = (Moments.of(each) for each in (snapshot.use("encode", key, images=images, **density), latents))
    distance = frechet_distance(codes.mean, codes.covariance, prior.mean, prior.covariance)
    latents = latents[: len(images)]
    again = snapshot.use("encode", key, images=snapshot.use("generate", key, latents=latents))
    values |= {"code_fd": distance / len(prior.mean), "latent_mse": float(np.square(again - latents).mean())}
    return values


def needs_codes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must encode and reconstruct images."""
    return "" if {"encode", "reconstruct"} <= compiled.game.abilities.keys() else "the game makes no images of codes"
