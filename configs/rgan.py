"""RGAN and RaGAN: Jolicoeur-Martineau 2018 (arXiv:1807.00734), is this real more realistic than that fake?

The form and the loss are fields: --config.game.form=pairing|average|centred and
--config.game.loss=standard|least_squares|hinge.

python train.py --config=configs/rgan.py          digits 16x16, pairs, the standard loss; a minute on two CPU cores
python train.py --config=configs/rgan.py:average  each against the average of the others (RaGAN)
python train.py --config=configs/rgan.py:gp       RaSGAN with a gradient penalty and one discriminator step
python train.py --config=configs/rgan.py:paper    CIFAR-10, spectral norm, RaGAN with the hinge loss

With one discriminator step for WGAN-GP's five, a step of `gp` has 0.29 of the arithmetic of WGAN-GP's on the same networks, and
took 0.31 of its time (`python -m benchmarks.objectives --only "RaSGAN-GP, one discriminator turn"`, in turns).
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "rgan"
    config.game = {"latent_size": 64, "form": "pairing", "loss": "standard", "reuse_fakes": True}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch"),
        adam,
        schedule=half,
        # Without it (Sonderby et al. 2016, arXiv:1610.04490) a haze stays on the black ground, which no real digit has.
        views=(named("instance_noise", deviation=0.1),),
    )
    config.data.name = "digits"
    config.steps = 2000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def average() -> ConfigDict:
    config = digits()
    config.game.form = "average"
    return config


def gp() -> ConfigDict:
    config = average()
    config.game.terms = (named("gradient_penalty"),)
    config.players.discriminator.network.norm = "none"  # no sample may see another
    config.players.discriminator.views = ()  # a penalised critic learns more slowly with them
    config.steps = 1000
    config.log_every, config.evaluate_every = 50, 500
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "rgan"
    config.game = {"latent_size": 128, "form": "average", "loss": "hinge"}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.generator = player(named("SNDCGANGenerator"), adam)
    config.players.discriminator = player(named("SNDCGANDiscriminator"), adam, constraints=(named("spectral_norm"),))
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.batch_size = 32
    config.steps = 100_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "average": average, "gp": gp, "paper": paper}

_DIGITS = {"digit_fd": "<= 12", "digits_present": ">= 10"}
CHECKS = {
    "": Check(_DIGITS),
    "average": Check(_DIGITS, "average"),
    "with a gradient penalty": Check(_DIGITS | {"digit_fd": "<= 25"}, "gp"),
}
