"""R3GAN: Huang et al. 2024 (arXiv:2501.05441), relativistic pairs with R1 and R2: the modern baseline.

python train.py --config=configs/r3gan.py          digits 16x16, four minutes on two CPU cores
python train.py --config=configs/r3gan.py:grid25   25 Gaussians in the plane, all of them
python train.py --config=configs/r3gan.py:stacked  1,000 modes of stacked digits, with the networks of DCGAN
python train.py --config=configs/r3gan.py:paper    CIFAR-10 by class; FID 1.96 in the paper
python train.py --config=configs/r3gan.py:ffhq64   FFHQ at 64x64; FID 1.95 in the paper
python train.py --config=configs/r3gan.py:ffhq256  FFHQ at 256x256; FID 2.75 in the paper
python train.py --config=configs/r3gan.py:cpu32    your folder at 32x32
python train.py --config=configs/r3gan.py:gpu32    your folder at 32x32
python train.py --config=configs/r3gan.py:gpu64    your folder at 64x64
python train.py --config=configs/r3gan.py:gpu128   your folder at 128x128
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "r3gan"
    config.game = {"latent_size": 32, "gamma": 0.5}
    adam = named("adam", learning_rate=1e-3, b1=0.0, b2=0.95)
    cosine = named("cosine_decay", final=0.1)
    config.players.generator = player(
        named("R3GANGenerator", widths=(64, 32, 16), blocks=1),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=cosine,
    )
    config.players.discriminator = player(
        named("R3GANDiscriminator", widths=(64, 32, 16), blocks=1), adam, schedule=cosine
    )
    config.data.name = "digits"
    config.steps = 1500
    config.log_every, config.sample_every, config.evaluate_every = 50, 300, 500
    return config


def grid25() -> ConfigDict:
    config = default()
    config.system = "r3gan"
    config.game = {"latent_size": 2, "gamma": 0.1}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.9)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("MLPGenerator", hidden=(256, 256), output="linear"),
        adam,
        average=named("half_life", images=100_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(256, 256)), adam, schedule=half)
    config.data.name = "grid25"
    config.data.scale = 1 / 2.828  # a spread of about one
    config.batch_size = 256
    config.steps = 6000
    config.evaluate_samples = 2500
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 500, 1000, 2000
    return config


def stacked() -> ConfigDict:
    config = default()
    config.system = "r3gan"
    config.game = {"latent_size": 64, "gamma": 1.0}
    adam = named("adam", learning_rate=5e-4, b1=0.0, b2=0.99)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    # R1 and R2 are of each image alone, so no norm may mix images.
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch", norm="none"), adam, schedule=half
    )
    config.data.name = "stacked_digits"
    config.steps = 4500
    config.evaluate_samples = 25_600
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "r3gan"
    # Both networks are told the class, as in the published command (--preset=CIFAR10 --cond=1).
    config.game = {
        "latent_size": 64,
        "gamma": 0.05,
        "schedule": named("cosine_decay", final=0.1),
        "conditional": True,
        "fresh_reals": True,
    }
    # 20 million images in the authors' count, which is of the discriminator's: here those of both players count.
    config.batch_size = 512
    config.images = 40_000_000
    adam = named("adam_rising_b2", learning_rate=2e-4, b1=0.0, b2=0.9, final_b2=0.99, updates=39_062, eps=1e-8)
    cosine = named("cosine_decay", final=0.25)
    config.players.generator = player(
        named("R3GANGenerator", full_precision_stages=1),
        adam,
        average=named("half_life", images=1e7, ramp_images=1.0),
        schedule=cosine,
    )
    # Half the strength of colours, and cut-out besides: as in the released launch script.
    augment = named(
        "augment_pipe",
        categories={"b": 1.0, "g": 1.0, "c": 0.5, "o": 1.0},
        probability=named("cosine_ramp", final=0.55),
    )
    config.players.discriminator = player(
        named("R3GANDiscriminator", full_precision_stages=1), adam, schedule=cosine, views=(augment,)
    )
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.flip = True
    config.steps = 0  # the images end the run
    config.dtype = "bfloat16"
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def ffhq64() -> ConfigDict:
    config = paper()
    config.game.gamma = 2.0
    config.game.conditional = False
    for each in config.players.values():
        each.network.widths = (768, 768, 768, 768, 384)
    config.players.generator.average.images = 1e6
    config.players.discriminator.views[0].probability.final = 0.3
    config.data.name, config.data.path = "folder", "data/ffhq"
    config.data.image_size = 64
    config.batch_size = 256
    for each in config.players.values():
        each.optimizer.updates = 78_125
    return config


def ffhq256() -> ConfigDict:
    config = ffhq64()
    config.game.gamma = 150.0
    for each in config.players.values():
        each.network.update({"widths": (768, 768, 768, 768, 384, 192, 96), "full_precision_stages": 3})
    config.data.image_size = 256
    return config


def cpu32() -> ConfigDict:
    config = own_pictures(digits(), 32, batch_size=32, steps=2500)
    for each in config.players.values():
        each.network.widths = (64, 64, 32, 16)
    return config


def gpu(size: int, widths: tuple[int, ...], gamma: float, batch_size: int = 64, steps: int = 200_000) -> ConfigDict:
    """The paper's game with half of its widths, without labels."""
    config = own_pictures(ffhq64(), size, batch_size, steps)
    config.images = 0  # the steps end the run
    config.game.gamma = gamma
    config.players.generator.average.images = 50_000
    for each in config.players.values():
        each.network.widths = widths
        each.optimizer.updates = steps
    return config


VARIANTS = {
    "": digits,
    "grid25": grid25,
    "stacked": stacked,
    "paper": paper,
    "ffhq64": ffhq64,
    "ffhq256": ffhq256,
    "cpu32": cpu32,
    "gpu32": lambda: gpu(32, (384, 384, 384, 384), gamma=0.5),
    "gpu64": lambda: gpu(64, (384, 384, 384, 384, 192), gamma=2.0),
    "gpu128": lambda: gpu(128, (384, 384, 384, 384, 192, 96), gamma=15.0),
}

CHECKS = {
    "": Check({"digit_fd": "<= 25", "digits_present": ">= 10"}),
    "25 Gaussians": Check({"modes": ">= 25"}, "grid25"),
    "stacked digits": Check({"modes": ">= 995", "reverse_kl": "<= 0.25"}, "stacked"),
}
