"""SNGAN: Miyato et al. 2018 (arXiv:1802.05957), spectral norm on the discriminator; with labels by projection (1802.05637).

python train.py --config=configs/sngan.py             digits 16x16, the residual networks; two minutes on two CPU cores
python train.py --config=configs/sngan.py:projection  the same with labels
python train.py --config=configs/sngan.py:cnn         CIFAR-10, the plain networks, log loss; FID 29.3 in the paper
python train.py --config=configs/sngan.py:paper       CIFAR-10, the residual networks; FID 21.7 in the paper
python train.py --config=configs/sngan.py:imagenet    ImageNet 128x128 with projection; IS 29.7 in the paper
python train.py --config=configs/sngan.py:cpu32       your folder at 32x32: up to 9.6 minutes on two CPU cores
python train.py --config=configs/sngan.py:gpu32       your folder at 32x32
python train.py --config=configs/sngan.py:gpu64       your folder at 64x64: 2.0 GiB, about 5.6 hours of an L4
python train.py --config=configs/sngan.py:gpu128      your folder at 128x128
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "sngan"
    config.game = {"latent_size": 32, "discriminator_steps": 2}
    adam = named("adam", learning_rate=1e-3, b1=0.0, b2=0.9)
    decay = named("linear_decay")
    config.players.generator = player(
        named("ResNetGenerator", widths=(32, 32, 32)),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=decay,
    )
    config.players.discriminator = player(
        named("ResNetDiscriminator", widths=(32, 32, 32), pooling="sum"),
        adam,
        constraints=(named("spectral_norm"),),
        schedule=decay,
    )
    config.data.name = "digits"
    config.steps = 550
    config.log_every, config.sample_every, config.evaluate_every = 25, 110, 275
    return config


def projection() -> ConfigDict:
    config = digits()
    config.game.conditional = True
    config.steps = 400
    for each in config.players.values():
        each.schedule = None  # labels take their time to be learned
    return config


def paper() -> ConfigDict:
    """As in the authors' program for CIFAR-10."""
    config = default()
    config.system = "sngan"
    config.game = {"latent_size": 128, "generator_fakes": 2}
    adam = named("adam", learning_rate=2e-4, b1=0.0, b2=0.9, eps=1e-8)
    decay = named("linear_decay")
    config.players.generator = player(
        named("ResNetGenerator", widths=(256, 256, 256, 256), norm_epsilon=2e-5), adam, schedule=decay
    )
    config.players.discriminator = player(
        named("ResNetDiscriminator", pooling="sum"),
        adam,
        constraints=(named("spectral_norm", every_call=True),),
        schedule=decay,
    )
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.dequantize = True
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def cnn() -> ConfigDict:
    """Setting C of the paper's table 1; with the hinge loss, --config.game.objective=hinge, the paper has FID 25.5."""
    config = paper()
    config.game.update({"objective": "non_saturating", "discriminator_steps": 1, "generator_fakes": 1})
    config.players.generator.network = named("SNDCGANGenerator", norm_epsilon=2e-5)
    config.players.discriminator.network = named("SNDCGANDiscriminator")
    for each in config.players.values():
        each.optimizer = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999, eps=1e-8)
        each.schedule = None
    config.steps = 100_000
    return config


def imagenet() -> ConfigDict:
    """As in the authors' program, whose four workers have 16 reals each, and 32 fakes in the generator's turn."""
    config = paper()
    config.game.update({"conditional": True, "num_classes": 1000, "labels": "uniform"})
    config.players.generator.network = named(
        "ResNetGenerator", widths=(1024, 1024, 512, 256, 128, 64), norm_epsilon=2e-5
    )
    config.players.discriminator.network = named(
        "ResNetDiscriminator", widths=(64, 128, 256, 512, 1024, 1024), downsamples=5, pooling="sum"
    )
    config.data.name = "tfds:imagenet2012"
    config.data.image_size = 128
    config.data.resample = "bilinear"
    config.steps = 450_000
    for each in config.players.values():
        each.schedule.start = 8 / 9  # step 400,000
    return config


def cpu32() -> ConfigDict:
    config = own_pictures(digits(), 32, batch_size=32, steps=3000)
    for each in config.players.values():
        each.network.widths = (32, 32, 32, 32)
    return config


def gpu(size: int, widths: tuple[int, ...], batch_size: int = 64, steps: int = 100_000) -> ConfigDict:
    """The paper's game, and its networks for ImageNet cut off above the size; samples are those of an average."""
    config = own_pictures(paper(), size, batch_size, steps)
    config.players.generator.average = named("half_life", images=10_000, ramp_up=0.1)
    if size > 32:
        config.players.generator.network.widths = widths
        config.players.discriminator.network.update({"widths": widths[::-1], "downsamples": 5})
    return config


VARIANTS = {
    "": digits,
    "projection": projection,
    "cnn": cnn,
    "paper": paper,
    "imagenet": imagenet,
    "cpu32": cpu32,
    "gpu32": lambda: gpu(32, widths=()),
    "gpu64": lambda: gpu(64, widths=(1024, 512, 256, 128, 64)),
    "gpu128": lambda: gpu(128, widths=(1024, 1024, 512, 256, 128, 64)),
}

CHECKS = {
    "": Check({"digit_fd": "<= 12", "digits_present": ">= 10", "sigma_error": "<= 0.05"}, computed="spectral_norms"),
    "projection": Check(
        {"class_accuracy": ">= 0.9", "digit_fd": "<= 25"}, "projection", baselines={"class_accuracy": "0.10 (chance)"}
    ),
}
