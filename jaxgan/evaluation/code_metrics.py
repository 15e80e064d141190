"""What encoders are measured by while a game trains: what comes back of held-out images, and how their codes are spread."""

from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, make_source, other_split, prepare
from jaxgan.evaluation.sample_metrics import unread_digits, unreadable_size
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
    held_out = prepare(other_split(config.data, "test", source.arrays).stack())
    images = np.asarray(held_out["image"])
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


def swapped_styles(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """What becomes of held-out digits that take the style of another domain's.

    "domain_accuracy" is the share that comes nearer to the same digit in the domain asked for than in any other;
    "content_agreement" the share that is still read as the digit it was, and "content_floor" that of the true counterparts.
    """
    held_out = {
        name: np.asarray(array) for name, array in prepare(make_source(config.data, split="test").stack()).items()
    }
    names = source.arrays["domain"].names
    number = len(held_out["image"]) // len(names)
    # By domain: the same digits in each.
    images = held_out["image"].reshape(len(names), number, *held_out["image"].shape[1:])
    label, order = held_out["label"][:number], np.random.default_rng(0).permutation(number)
    right, kept, floor = list[float](), list[float](), list[float]()
    for origin in range(len(names)):
        for target in (domain for domain in range(len(names)) if domain != origin):
            made = snapshot.use("restyle", key, images=images[origin], styles=images[target][order])
            apart = np.square(made[None] - images).reshape(len(names), number, -1).mean(axis=2)
            right.append(float((apart.argmin(axis=0) == target).mean()))
            for share, shown in ((kept, made), (floor, images[target])):
                share.append(metrics.class_accuracy(_PLAIN[names[target]](shown), label))
    return {
        "domain_accuracy": float(np.mean(right)),
        "content_agreement": float(np.mean(kept)),
        "content_floor": float(np.mean(floor)),
    }


def _without_bar(images: np.ndarray) -> np.ndarray:
    return np.where(np.arange(images.shape[2])[None, None, :, None] < images.shape[2] // 8, np.float32(-1), images)


# How digits of the source "digits_domains" are read by the classifier of plain ones.
_PLAIN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": lambda images: images,
    "barred": _without_bar,
    "dimmed": lambda images: np.clip((images + 1) / np.float32(0.4) - 1, -1, 1),
}


def needs_domains(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must give styles, and the data be digits of several domains."""
    if "restyle" not in compiled.game.abilities:
        return "the game gives no image the style of another"
    if config.data.name != "digits_domains":
        return "the data are not digits of several domains (data.name='digits_domains')"
    return unreadable_size(source.arrays["image"].shape)


def needs_codes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must encode and reconstruct images."""
    return "" if {"encode", "reconstruct"} <= compiled.game.abilities.keys() else "the game makes no images of codes"
