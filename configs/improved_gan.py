"""Improved GAN: Salimans et al. 2016 (arXiv:1606.03498), learning from 100 labels with a discriminator of K classes.

python train.py --config=configs/improved_gan.py             digits 16x16, 100 labels, a minute on two CPU cores
python train.py --config=configs/improved_gan.py:supervised  the baseline: the same classifier from the 100 labels alone
python train.py --config=configs/improved_gan.py:paper       MNIST, 100 labels; 0.93 % test error in the paper
python train.py --config=configs/improved_gan.py:cifar10     CIFAR-10, 4,000 labels; 18.63 % test error in the paper
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    variants = {"": digits, "supervised": supervised, "paper": paper, "cifar10": cifar10}
    return jaxgan.variant(variant, variants)


def _players(config: ConfigDict, generator: ConfigDict, discriminator: ConfigDict, rate: float) -> None:
    config.system = "improved_gan"
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        config.players[name] = jaxgan.player(network, jaxgan.named("adam", learning_rate=rate, b1=0.5, b2=0.999))
    # The classifier is used with the average of its weights, as in the authors' programs.
    config.players.discriminator.average = jaxgan.named("exponential", decay=0.99)


def digits(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("ImprovedMLPGenerator", hidden=(256, 256)),
        jaxgan.named("ImprovedMLPDiscriminator", hidden=(256, 256, 128)),
        rate=1e-3,
    )
    config.game = {"latent_size": 50}
    config.data.name = "digits"
    config.data.image_size = 16
    config.data.labelled = 100
    config.batch_size = 50
    config.steps = 3000
    config.log_every, config.evaluate_every = 100, 1000
    config.metrics = ("label_accuracy",)


def supervised(config: ConfigDict) -> None:
    digits(config)
    config.game.unsupervised = 0.0


def paper(config: ConfigDict) -> None:
    _players(config, jaxgan.named("ImprovedMLPGenerator"), jaxgan.named("ImprovedMLPDiscriminator"), rate=3e-3)
    config.players.discriminator.average = jaxgan.named("exponential", decay=0.9999)
    config.game = {"latent_size": 100, "num_classes": 10}
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.data.labelled = 100
    config.batch_size = 100
    config.steps = 300 * 600
    config.log_every, config.sample_every, config.checkpoint_every = 100, 600, 6000


def cifar10(config: ConfigDict) -> None:
    paper(config)
    config.players.generator.network = jaxgan.named("ImprovedGenerator")
    config.players.discriminator.network = jaxgan.named("ImprovedDiscriminator")
    config.steps = 1200 * 500
    for player in config.players.values():
        # 3e-4 min(3 - epoch / 400, 1): the same until epoch 800, then down to 0 at 1200
        player.optimizer.learning_rate = 3e-4
        player.schedule = jaxgan.named("linear_decay", start=800 * 500, stop=1200 * 500)
    config.game.matching = "l1"
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.channels = 3
    config.data.labelled = 4000
