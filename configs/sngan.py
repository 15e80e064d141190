"""SNGAN: Miyato et al. 2018 (arXiv:1802.05957), spectral norm on the discriminator; with labels by projection (1802.05637).

python train.py --config=configs/sngan.py             digits 16x16, the residual networks; two minutes on two CPU cores
python train.py --config=configs/sngan.py:projection  the same with labels
python train.py --config=configs/sngan.py:cnn         CIFAR-10, the plain convolutional networks; FID 29.3 in the paper
python train.py --config=configs/sngan.py:paper       CIFAR-10, the residual networks; FID 21.7 in the paper
python train.py --config=configs/sngan.py:imagenet    ImageNet 128x128 with projection; IS 29.7 in the paper
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    variants = {"": digits, "projection": projection, "cnn": cnn, "paper": paper, "imagenet": imagenet}
    return jaxgan.variant(variant, variants)


def _players(config: ConfigDict, generator: ConfigDict, discriminator: ConfigDict, rate: float, b2: float) -> None:
    config.system = "gan"
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        config.players[name] = jaxgan.player(network, jaxgan.named("adam", learning_rate=rate, b1=0.0, b2=b2))
    config.players.discriminator.constraint = jaxgan.named("spectral_norm")
    config.game = {"latent_size": 128, "objective": "hinge", "discriminator_steps": 5}


def digits(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("ResNetGenerator", widths=(32, 32, 32)),
        jaxgan.named("ResNetDiscriminator", widths=(32, 32, 32), pooling="sum"),
        rate=1e-3,
        b2=0.9,
    )
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.game.update({"latent_size": 32, "discriminator_steps": 2})
    config.data.name = "digits"
    config.data.image_size = 16
    config.steps = 400
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", stop=config.steps)
    config.log_every, config.sample_every, config.evaluate_every = 20, 100, 200
    config.metrics = ("digit_fd",)


def projection(config: ConfigDict) -> None:
    digits(config)
    for player in config.players.values():
        player.schedule = jaxgan.named("none")  # labels take their time to be learned
    config.game.conditional = True
    config.data.require_labels = True
    config.metrics = ("digit_fd", "class_accuracy")


def paper(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("ResNetGenerator", widths=(256, 256, 256, 256)),
        jaxgan.named("ResNetDiscriminator", pooling="sum"),
        rate=2e-4,
        b2=0.9,
    )
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.steps = 50_000
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", stop=config.steps)
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000


def cnn(config: ConfigDict) -> None:
    paper(config)
    for name, network in (("generator", "SNDCGANGenerator"), ("discriminator", "SNDCGANDiscriminator")):
        config.players[name].network = jaxgan.named(network)


def imagenet(config: ConfigDict) -> None:
    paper(config)
    config.players.generator.network = jaxgan.named("ResNetGenerator", widths=(1024, 1024, 512, 256, 128, 64))
    config.players.discriminator.network = jaxgan.named(
        "ResNetDiscriminator", widths=(64, 128, 256, 512, 1024, 1024), downsamples=5, pooling="sum"
    )
    config.game.update({"conditional": True, "num_classes": 1000})
    config.data.name = "tfds:imagenet2012"
    config.data.image_size = 128
    config.data.require_labels = True
    config.steps = 450_000
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", start=400_000, stop=450_000)
