"""WGAN-GP: Gulrajani et al. 2017 (arXiv:1704.00028), a critic with a penalty on its gradient, five turns to one.

Eq. 3: L = E[C(fake)] - E[C(real)] + lambda E[(|| grad C(x_hat) ||_2 - 1)^2], x_hat on the lines between reals and fakes.

python train.py --config=configs/wgan_gp.py            digits 16x16, about three minutes on two CPU cores
python train.py --config=configs/wgan_gp.py:grid25     25 Gaussians in the plane (the paper's figure 1), two minutes
python train.py --config=configs/wgan_gp.py:paper      CIFAR-10, the residual networks; IS 7.86 in the paper
python train.py --config=configs/wgan_gp.py:tutorial   64x64 images of a folder, DCGAN's networks without norm in the critic
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "grid25": grid25, "paper": paper, "tutorial": tutorial})


def _players(
    config: ConfigDict, generator: ConfigDict, critic: ConfigDict, rate: float, b1: float = 0.0, penalty: float = 10.0
) -> None:
    config.system = "gan"
    for name, network in (("generator", generator), ("discriminator", critic)):
        config.players[name] = jaxgan.player(network, jaxgan.named("adam", learning_rate=rate, b1=b1, b2=0.9))
    config.game = {
        "latent_size": 128,
        "objective": "wasserstein",
        "discriminator_steps": 5,
        "terms": {"gradient_penalty": {"weight": penalty}},
    }


def digits(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("ResNetGenerator", widths=(32, 32, 32)),
        jaxgan.named("ResNetDiscriminator", widths=(32, 32, 32)),
        rate=5e-4,
    )
    config.players.generator.average = jaxgan.named("half_life", images=20_000, ramp_up=0.1)
    config.game.latent_size = 32
    config.data.name = "digits"
    config.data.image_size = 16
    config.steps = 200
    config.log_every, config.sample_every, config.evaluate_every = 20, 50, 100
    config.metrics = ("digit_fd",)


def grid25(config: ConfigDict) -> None:
    hidden = (256, 256, 256)
    _players(
        config,
        jaxgan.named("MLPGenerator", hidden=hidden, output="linear"),
        jaxgan.named("MLPDiscriminator", hidden=hidden, activation="relu"),
        rate=1e-3,
        b1=0.5,
        penalty=0.1,
    )
    config.players.generator.average = jaxgan.named("half_life", images=100_000, ramp_up=0.1)
    config.game.latent_size = 2
    config.data.name = "grid25"
    config.data.scale = 1 / 2.828  # as in the paper's code: a spread of about one
    config.batch_size = 256
    config.steps = 4000
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", stop=config.steps)
    config.metrics = ("modes",)


def paper(config: ConfigDict) -> None:
    _players(config, jaxgan.named("ResNetGenerator"), jaxgan.named("ResNetDiscriminator"), rate=2e-4)
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.dequantize = True
    config.steps = 100_000
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", stop=config.steps)
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000


def tutorial(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("DCGANGenerator", width=64, layout="torch"),
        jaxgan.named("DCGANDiscriminator", width=64, layout="torch", norm="none"),
        rate=1e-4,
    )
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 500, 5000
