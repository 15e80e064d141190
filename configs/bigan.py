"""BiGAN: Donahue, Krahenbuhl and Darrell 2016 (arXiv:1605.09782), encoder and generator meet in the discriminator alone.

python train.py --config=configs/bigan.py        digits 16x16, two minutes on two CPU cores
python train.py --config=configs/bigan.py:paper  MNIST without its grid of pixels, 1,024 units
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "bigan"
    config.game = {"latent_size": 8}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    average = named("half_life", images=10_000, ramp_up=0.1)
    network = {"hidden": (256, 256)}
    config.players.encoder = player(
        named("BiGANEncoder", norm="layer", **network), adam, average=average, schedule=half
    )
    config.players.generator = player(named("BiGANGenerator", **network), adam, average=average, schedule=half)
    config.players.discriminator = player(named("BiGANDiscriminator", **network), adam, schedule=half)
    config.data.name = "digits"
    config.metrics = ("reconstruction", "default")
    config.steps = 4000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 4000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "bigan"
    config.game = {"latent_size": 50}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    # The authors' program: 200 epochs, and 200 more in which the rate falls to a hundredth (evenly there, by five stairs here),
    # and a decay of 2.5e-5, of biases and gains too, beside halves of the losses.
    small = (named("l2_decay", weight=2 * 2.5e-5),)
    falling = named("piecewise", starts=(0.5, 0.6, 0.7, 0.8, 0.9), factors=(0.63, 0.25, 0.1, 0.04, 0.016), unit="steps")
    config.players.encoder = player(named("BiGANEncoder"), adam, constraints=small, schedule=falling)
    config.players.generator = player(named("BiGANGenerator"), adam, constraints=small, schedule=falling)
    config.players.discriminator = player(named("BiGANDiscriminator"), adam, constraints=small, schedule=falling)
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.metrics = ("reconstruction",)
    config.batch_size = 128
    config.steps = 400 * 469
    config.log_every, config.sample_every, config.checkpoint_every = 100, 469, 4690
    return config


VARIANTS = {"": digits, "paper": paper}

# Sharp, but often another digit; see `bivae` for the opposite.
_BOUNDS = {"reconstruction_agreement": ">= 0.5", "reconstruction_sharpness": ">= 1", "digit_fd": "<= 10"}
CHECKS = {
    "": Check(_BOUNDS, baselines={"reconstruction_agreement": "0.10 (chance)"}),
    "a discriminator that is not told the code": Check(_BOUNDS, changes={"game.joint": False}, control=True),
}
