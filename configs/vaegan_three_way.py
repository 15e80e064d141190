"""VAE-GAN of three kinds: Larsen et al. 2015 (arXiv:1512.09300), real, reconstructed and generated images told apart.

python train.py --config=configs/vaegan_three_way.py  digits 16x16, two minutes on two CPU cores
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "vaegan_three_way"
    config.game = {"latent_size": 16, "feature_weight": 0.05, "adversarial": 0.5, "prior_weight": 8.0}
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


VARIANTS = {"": digits}

_BOUNDS = {"reconstruction_agreement": ">= 0.93", "code_fd": "<= 0.045", "digit_fd": "<= 15"}
CHECKS = {
    "": Check(_BOUNDS),
    # Only an encoder that plays the game itself learns from it where codes should lie.
    "an encoder that is not told": Check(_BOUNDS, changes={"game.prior_weight": 0.0}, control=True),
}
