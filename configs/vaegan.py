"""VAE-GAN: Larsen et al. 2015 (arXiv:1512.09300), a VAE whose reconstructions are compared in a discriminator's features.

python train.py --config=configs/vaegan.py        digits 16x16, two minutes on two CPU cores
python train.py --config=configs/vaegan.py:paper  CelebA, 64x64
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "vaegan"
    config.game = {"latent_size": 16, "feature_weight": 0.1, "objective": "non_saturating"}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    average = named("half_life", images=10_000, ramp_up=0.1)
    config.players.encoder = player(named("MLPEncoder"), adam, average=average, schedule=half)
    config.players.generator = player(named("MLPGenerator"), adam, average=average, schedule=half)
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(256, 128)), adam, schedule=half)
    config.data.name = "digits"
    config.metrics = ("reconstruction", "default")
    config.steps = 5000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 5000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "vaegan"
    config.game = {"latent_size": 128, "feature_weight": 1e-6}
    rmsprop = named("rmsprop", learning_rate=3e-4)
    config.players.encoder = player(named("VAEGANEncoder"), rmsprop)
    config.players.generator = player(named("VAEGANGenerator"), rmsprop)
    config.players.discriminator = player(named("VAEGANDiscriminator"), rmsprop)
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.steps = 62_500  # the authors' program: 250 epochs of 250 minibatches
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

_BOUNDS = {"reconstruction_agreement": ">= 0.93", "reconstruction_sharpness": ">= 0.85", "digit_fd": "<= 25"}
CHECKS = {
    "": Check(_BOUNDS),
    "without the adversary": Check(_BOUNDS, changes={"game.adversarial": 0.0}, control=True),
}
