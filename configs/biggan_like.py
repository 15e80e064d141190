"""BigGAN: Brock, Donahue and Simonyan 2018 (arXiv:1809.11096), class-conditional, spectral norm and attention in both.

python train.py --config=configs/biggan_like.py              digits 16x16 with labels, about three minutes on two CPU cores
python train.py --config=configs/biggan_like.py:cifar10      CIFAR-10 at 32x32, one accelerator
python train.py --config=configs/biggan_like.py:paper        ImageNet at 128x128, batch 2,048; FID 8.7, IS 98.8 in the paper
python train.py --config=configs/biggan_like.py:imagenet256  the same at 256x256; FID 8.7, IS 142.3 in the paper
python train.py --config=configs/biggan_like.py:imagenet512  the same at 512x512; FID 8.1, IS 144.2 in the paper
python train.py --config=configs/biggan_like.py:cpu32        your classes at 32x32
python train.py --config=configs/biggan_like.py:gpu32        your classes at 32x32
python train.py --config=configs/biggan_like.py:gpu64        your classes at 64x64
python train.py --config=configs/biggan_like.py:gpu128       your classes at 128x128

The ablation of the paper's table 1, by flags: --config.batch_size=256, --config.players.generator.network.width=64 (and of the
discriminator), .shared_size=0, .hierarchical=false, and --config.players.generator.constraints=spectral_norm without the other.
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "biggan_like"
    config.game = {"latent_size": 24}
    spectral_norm = named("spectral_norm", exclude="shared_embedding", epsilon=1e-6)
    config.players.generator = player(
        named("BigGANGenerator", width=12, shared_size=32, attention=(8,)),
        named("adam", learning_rate=4e-4, b1=0.0, b2=0.999),
        # Eq. 3: R(W) = beta || W' W * (1 - I) ||_F^2
        constraints=(named("orthogonal", weight=1e-4, exclude="shared_embedding"), spectral_norm),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("BigGANDiscriminator", width=8, attention=(8,)),
        named("adam", learning_rate=1e-3, b1=0.0, b2=0.999),
        constraints=(spectral_norm,),
    )
    config.data.name = "digits"
    config.steps = 600
    config.evaluate_every, config.sample_every = 200, 100
    return config


def paper() -> ConfigDict:
    """As in the paper's appendix C; what it leaves open (the labels of fakes) is as in the first author's program."""
    config = default()
    config.system = "biggan_like"
    config.game = {"num_classes": 1000, "labels": "uniform", "latent_size": 120}
    spectral_norm = named("spectral_norm", exclude="shared_embedding", epsilon=1e-4)
    config.players.generator = player(
        named("BigGANGenerator", norm_epsilon=1e-4),
        named("adam", learning_rate=5e-5, b1=0.0, b2=0.999),
        constraints=(named("orthogonal", weight=1e-4, exclude="shared_embedding"), spectral_norm),
        average=named("exponential", decay=0.9999, start=20_000),
    )
    config.players.discriminator = player(
        named("BigGANDiscriminator"),
        named("adam", learning_rate=2e-4, b1=0.0, b2=0.999),
        constraints=(spectral_norm,),
    )
    config.data.name = "tfds:imagenet2012"
    config.data.image_size = 128
    config.data.resample = "box"  # area resampling
    config.batch_size = 2048
    config.dtype = "bfloat16"
    config.steps = 150_000
    config.statistics_batches = 100
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 1000
    return config


def imagenet256() -> ConfigDict:
    config = paper()
    config.game.latent_size = 140
    config.data.image_size = 256
    return config


def imagenet512() -> ConfigDict:
    config = paper()
    config.game.latent_size = 160
    config.data.image_size = 512
    return config


def cifar10() -> ConfigDict:
    config = paper()
    config.game = {"num_classes": 10, "labels": "uniform", "latent_size": 80, "discriminator_steps": 4}
    for each in config.players.values():
        each.network.update({"width": 64, "attention": (16,)})
        each.optimizer.learning_rate = 2e-4
    config.players.generator.average.start = 1000
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.batch_size = 64
    config.dtype = "float32"
    config.steps = 125_000
    config.statistics_batches = 16
    config.checkpoint_every = 5000
    return config


def cpu32() -> ConfigDict:
    return own_pictures(digits(), 32, batch_size=32, steps=2000)


def gpu(size: int, batch_size: int = 64, steps: int = 100_000) -> ConfigDict:
    """The game of `cifar10`; the labels of fakes are as many of each class as the folder has pictures."""
    config = own_pictures(cifar10(), size, batch_size, steps)
    config.game = {"latent_size": 120 if size == 128 else 80, "discriminator_steps": 4}
    for each in config.players.values():
        each.network.attention = (size // 2,)
    config.dtype = "bfloat16"
    return config


VARIANTS = {
    "": digits,
    "cifar10": cifar10,
    "paper": paper,
    "imagenet256": imagenet256,
    "imagenet512": imagenet512,
    "cpu32": cpu32,
    "gpu32": lambda: gpu(32),
    "gpu64": lambda: gpu(64),
    "gpu128": lambda: gpu(128),
}

_LEARNED = {"class_accuracy": ">= 0.9", "digit_fd": "<= 25"}
CHECKS = {
    "": Check(_LEARNED, baselines={"class_accuracy": "0.10 (chance)"}),
    "a discriminator that does not learn": Check(
        _LEARNED, changes={"players.discriminator.optimizer.learning_rate": 1e-9}, control=True
    ),
}
