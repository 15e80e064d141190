"""DRAGAN: Kodali et al. 2017 (arXiv:1705.07215), the first GAN with a gradient penalty around the data.

The points around the data are those of the authors' program, or the paper's, with normal noise, by
--config.game.perturbation=paper.

python train.py --config=configs/dragan.py        digits 16x16, two minutes on two CPU cores
python train.py --config=configs/dragan.py:ring8  eight Gaussians on a circle
python train.py --config=configs/dragan.py:paper  64x64 images of a folder
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "dragan"
    config.game = {"latent_size": 64, "reuse_fakes": True}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    # The penalty is on each image's own gradient, so no norm may mix images.
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch", norm="none"), adam, schedule=half
    )
    config.data.name = "digits"
    config.steps = 2000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def ring8() -> ConfigDict:
    config = default()
    config.system = "dragan"
    config.game = {
        "latent_size": 2,
        "penalty": 1.0,
    }  # 10 is for images: on two coordinates it holds the discriminator back
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.9)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("MLPGenerator", hidden=(128, 128), output="linear"),
        adam,
        average=named("half_life", images=100_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(128, 128)), adam, schedule=half)
    config.data.name = "ring8"
    config.data.scale = 1 / 1.414
    config.batch_size = 256
    config.steps = 6000
    config.evaluate_samples = 2500
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 500, 1000, 2000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "dragan"
    config.game = {"latent_size": 100, "latent": "uniform", "reuse_fakes": True}
    adam = named("adam", learning_rate=1e-4, b1=0.5, b2=0.9)
    config.players.generator = player(named("DCGANGenerator", width=64, layout="torch"), adam)
    config.players.discriminator = player(named("DCGANDiscriminator", width=64, layout="torch", norm="none"), adam)
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.batch_size = 64
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 500, 5000
    return config


VARIANTS = {"": digits, "ring8": ring8, "paper": paper}

CHECKS = {
    "": Check({"digit_fd": "<= 25", "digits_present": ">= 10"}),
    "eight Gaussians": Check({"modes": ">= 8", "high_quality": ">= 0.6"}, "ring8"),
}
