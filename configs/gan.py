"""GAN: Goodfellow et al. 2014 (arXiv:1406.2661), multilayer perceptrons, maxout, and the non-saturating loss.

python train.py --config=configs/gan.py             digits 16x16, a minute on two CPU cores
python train.py --config=configs/gan.py:minimax     the same with the generator's saturating loss
python train.py --config=configs/gan.py:gaussian1d  noise to a normal density: mean and deviation within 10 %
python train.py --config=configs/gan.py:ring8       eight Gaussians on a circle
python train.py --config=configs/gan.py:grid25      25 Gaussians, where this objective drops modes
python train.py --config=configs/gan.py:tutorial    MNIST, 64-256-256-784, batch 100, 200 epochs
python train.py --config=configs/gan.py:paper       MNIST, the paper's maxout discriminator; Parzen-window score 225 there
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    variants = {
        "": digits,
        "minimax": minimax,
        "gaussian1d": gaussian1d,
        "ring8": ring8,
        "grid25": grid25,
        "tutorial": tutorial,
        "paper": paper,
    }
    return jaxgan.variant(variant, variants)


def _players(
    config: ConfigDict, generator: ConfigDict, discriminator: ConfigDict, rate: float, b1: float, b2: float
) -> None:
    config.system = "gan"
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        config.players[name] = jaxgan.player(network, jaxgan.named("adam", learning_rate=rate, b1=b1, b2=b2))


def digits(config: ConfigDict) -> None:
    # Without the dropout of the paper's discriminator, 1,437 digits are learned by heart and the generator learns nothing.
    _players(config, jaxgan.named("MLPGenerator"), jaxgan.named("MaxoutDiscriminator"), rate=2e-4, b1=0.5, b2=0.999)
    config.game = {"latent_size": 64}
    config.data.name = "digits"
    config.data.image_size = 16
    config.batch_size = 100
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.steps = 3000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 3000
    config.metrics = ("digit_fd",)


def minimax(config: ConfigDict) -> None:
    digits(config)
    config.game.objective = "minimax"


def _toy(config: ConfigDict, name: str, hidden: tuple[int, ...], latent_size: int, steps: int) -> None:
    """What every objective's toy has in common: other configs change the objective, the terms and little else."""
    _players(
        config,
        jaxgan.named("MLPGenerator", hidden=hidden, output="linear"),
        jaxgan.named("MLPDiscriminator", hidden=hidden),
        rate=1e-3,
        b1=0.5,
        b2=0.9,
    )
    config.players.generator.average = jaxgan.named("half_life", images=100_000, ramp_up=0.1)
    config.game = {"latent_size": latent_size}
    config.data.name = name
    config.batch_size = 256
    config.steps = steps
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", start=steps // 2, stop=steps)
    config.evaluate_samples = 2500
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 500, 1000, 2000


def gaussian1d(config: ConfigDict) -> None:
    _toy(config, "gaussian1d", hidden=(64, 64), latent_size=1, steps=4000)
    config.evaluate_samples = 10_000
    config.metrics = ("density1d",)


def ring8(config: ConfigDict) -> None:
    _toy(config, "ring8", hidden=(128, 128), latent_size=2, steps=6000)
    config.data.scale = 1 / 1.414
    config.metrics = ("modes",)


def grid25(config: ConfigDict) -> None:
    _toy(config, "grid25", hidden=(256, 256), latent_size=2, steps=6000)
    config.data.scale = 1 / 2.828  # a spread of about one
    config.metrics = ("modes",)


def tutorial(config: ConfigDict) -> None:
    _players(config, jaxgan.named("MLPGenerator"), jaxgan.named("MLPDiscriminator"), rate=2e-4, b1=0.9, b2=0.999)
    config.game = {"latent_size": 64}
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.batch_size = 100
    config.steps = 200 * 600
    config.log_every, config.sample_every, config.checkpoint_every = 100, 600, 6000


def paper(config: ConfigDict) -> None:
    tutorial(config)
    for name, network in (("generator", "MaxoutGANGenerator"), ("discriminator", "MaxoutDiscriminator")):
        # The learning rate falls by 1 / 1.000004 an update; the momentum, which rose from 0.5 to 0.7, stays between.
        config.players[name] = jaxgan.player(
            jaxgan.named(network),
            jaxgan.named("sgd", learning_rate=0.1, momentum=0.6),
            schedule=jaxgan.named("exponential_decay", factor=1 / 1.000004, floor=1e-5),
        )
    config.players.discriminator.constraint = jaxgan.named("max_norm", limit=1.9365)
    config.game = {"latent_size": 100, "latent": "unit_uniform"}
    config.steps = 250 * 600
