"""Gaussian: Goodfellow et al. 2014 (arXiv:1406.2661), figure 1 as a program: uniform noise becomes a normal density.

python train.py --config=configs/gaussian.py           mean 4 and deviation 1.25, a minute on two CPU cores
python train.py --config=configs/gaussian.py:tutorial  one hidden layer of 64 in each, as f-GAN's first author teaches it
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def normal() -> ConfigDict:
    config = default()
    config.system = "gaussian"
    # Without R1 the discriminator turns about the answer, and the tails come and go with it.
    config.game = {"latent_size": 1, "terms": (named("r1", weight=0.1),)}
    adam = named("adam", learning_rate=2e-3, b1=0.0, b2=0.99)
    decay = named("linear_decay")
    config.players.generator = player(
        named("MLPGenerator", hidden=(64, 64), output="linear"),
        adam,
        average=named("half_life", images=100_000, ramp_up=0.1),
        schedule=decay,
    )
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(64, 64)), adam, schedule=decay)
    config.data.name = "gaussian1d"
    config.batch_size = 256
    config.steps = 8000
    config.evaluate_samples = 10_000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 2000, 4000
    return config


def tutorial() -> ConfigDict:
    config = normal()
    config.game.terms = ()
    for each in config.players.values():
        each.network.update({"hidden": (64,), "activation": "relu"})
        each.optimizer = named("adam", learning_rate=1e-3)
        each.schedule = each.average = None
    config.steps = 25_000
    return config


VARIANTS = {"": normal, "tutorial": tutorial}

# Uniform numbers that are shifted and stretched are at least 0.1499 from this density, and 0.193 at its own mean and deviation.
_NORMAL = {"wasserstein": "<= 0.14", "mean_error": "<= 10", "deviation_error": "<= 10"}
CHECKS = {
    "": Check(_NORMAL),
    "an affine generator": Check(_NORMAL, changes={"players.generator.network.hidden": ()}, control=True),
}
