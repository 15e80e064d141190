"""Improved GAN: Salimans et al. 2016 (arXiv:1606.03498), learning from 100 labels with a discriminator of K classes.

python train.py --config=configs/improved_gan.py             digits 16x16, 100 labels, a minute on two CPU cores
python train.py --config=configs/improved_gan.py:supervised  the baseline: the same classifier from the 100 labels alone
python train.py --config=configs/improved_gan.py:paper       MNIST, 100 labels; 0.93 % test error in the paper
python train.py --config=configs/improved_gan.py:cifar10     CIFAR-10, 4,000 labels; 18.63 % test error in the paper
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "improved_gan"
    config.game = {"latent_size": 50}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    config.players.generator = player(named("ImprovedMLPGenerator", hidden=(256, 256)), adam)
    # The classifier is used with the average of its weights, as in the authors' programs.
    config.players.discriminator = player(
        named("ImprovedMLPDiscriminator", hidden=(256, 256, 128)), adam, average=named("exponential", decay=0.99)
    )
    config.data.name = "digits"
    config.data.labelled = 100
    config.batch_size = 50
    config.steps = 3000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def supervised() -> ConfigDict:
    config = digits()
    config.game.unsupervised = 0.0
    return config


def paper() -> ConfigDict:
    """As in the authors' programs, whose Adam has its epsilon under the root."""
    config = default()
    config.system = "improved_gan"
    config.game = {"latent_size": 100, "num_classes": 10, "fresh_reals": True}
    adam = named("adam", learning_rate=3e-3, b1=0.5, b2=0.999, eps=0.0, eps_root=1e-8)
    config.players.generator = player(named("ImprovedMLPGenerator", norm_epsilon=1e-6), adam)
    # The first images set the gains, and those of hidden layers stay as they are.
    config.players.discriminator = player(
        named("ImprovedMLPDiscriminator", data_init=True), adam, average=named("exponential", decay=0.9999)
    )
    config.players.discriminator.frozen = "hidden_.*/scale"
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.data.labelled = 100
    config.batch_size = 100
    config.steps = 300 * 600
    config.log_every, config.sample_every, config.checkpoint_every = 100, 600, 6000
    return config


def cifar10() -> ConfigDict:
    config = paper()
    config.game.matching = "l1"
    config.players.generator.network = named("ImprovedGenerator", norm_epsilon=1e-6, data_init=True)
    config.players.discriminator.network = named("ImprovedDiscriminator", data_init=True)
    config.players.discriminator.frozen = "conv_.*/scale"
    for each in config.players.values():
        # 3e-4 min(3 - epoch / 400, 1): the same until epoch 800, then down to 0 at 1200
        each.optimizer.learning_rate = 3e-4
        each.schedule = named("linear_decay", start=2 / 3)
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.channels = 3
    config.data.labelled = 4000
    config.steps = 1200 * 500
    return config


VARIANTS = {"": digits, "supervised": supervised, "paper": paper, "cifar10": cifar10}

_LEARNED = {"label_accuracy": ">= 0.88"}
CHECKS = {
    "": Check(_LEARNED, baselines={"label_accuracy": "0.10 (chance)"}),
    "from the labels alone": Check(_LEARNED, "supervised", control=True),
}
