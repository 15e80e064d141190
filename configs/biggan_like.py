"""BigGAN: Brock, Donahue and Simonyan 2018 (arXiv:1809.11096), class-conditional, spectral norm and attention in both.

python train.py --config=configs/biggan_like.py          digits 16x16 with labels, about three minutes on two CPU cores
python train.py --config=configs/biggan_like.py:cifar10  CIFAR-10 at 32x32, one accelerator
python train.py --config=configs/biggan_like.py:paper    ImageNet at 128x128, batch 2,048: a pod; FID 8.7, IS 98.8 in the paper
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "cifar10": cifar10, "paper": paper})


def _players(config: ConfigDict, generator: ConfigDict, discriminator: ConfigDict, rates: tuple[float, float]) -> None:
    config.system = "gan"
    spectral_norm = {"exclude": "shared_embedding", "epsilon": 1e-6}
    for name, network, rate in (("generator", generator, rates[0]), ("discriminator", discriminator, rates[1])):
        config.players[name] = jaxgan.player(
            network,
            jaxgan.named("adam", learning_rate=rate, b1=0.0, b2=0.999),
            constraint=jaxgan.named("spectral_norm", **spectral_norm),
        )
    # Eq. 3, on the generator: R(W) = beta || W' W * (1 - I) ||_F^2
    orthogonal = {"weight": 1e-4, "exclude": "shared_embedding"}
    config.players.generator.constraint = jaxgan.named(
        "chain", parts={"orthogonal": orthogonal, "spectral_norm": spectral_norm}
    )
    config.game = {"objective": "hinge", "conditional": True}


def digits(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("BigGANGenerator", width=12, shared_size=32, attention=(8,)),
        jaxgan.named("BigGANDiscriminator", width=8, attention=(8,)),
        rates=(4e-4, 1e-3),
    )
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.game.update({"latent_size": 24, "discriminator_steps": 2})
    config.data.name = "digits"
    config.data.image_size = 16
    config.data.require_labels = True
    config.steps = 600
    config.evaluate_every, config.sample_every = 200, 100
    config.metrics = ("digit_fd", "class_accuracy")


def cifar10(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("BigGANGenerator", width=64, attention=(16,)),
        jaxgan.named("BigGANDiscriminator", width=64, attention=(16,)),
        rates=(2e-4, 2e-4),
    )
    config.players.generator.average = jaxgan.named("exponential", decay=0.9999, start=1000)
    config.game.update({"num_classes": 10, "latent_size": 80, "discriminator_steps": 4})
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.flip = True
    config.data.require_labels = True
    config.batch_size = 64
    config.steps = 125_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000


def paper(config: ConfigDict) -> None:
    _players(config, jaxgan.named("BigGANGenerator"), jaxgan.named("BigGANDiscriminator"), rates=(5e-5, 2e-4))
    config.players.generator.average = jaxgan.named("exponential", decay=0.9999, start=20_000)
    config.game.update({"num_classes": 1000, "latent_size": 120, "discriminator_steps": 2})
    config.data.name = "tfds:imagenet2012"
    config.data.image_size = 128
    config.data.flip = True
    config.data.require_labels = True
    config.batch_size = 2048
    config.dtype = "bfloat16"
    config.steps = 150_000
    config.statistics_batches = 100
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 1000
