"""BigGAN-deep: Brock, Donahue and Simonyan 2018 (arXiv:1809.11096), four times as deep as BigGAN, with bottlenecks.

python train.py --config=configs/biggan_deep.py              digits 16x16 with labels, about five minutes on two CPU cores
python train.py --config=configs/biggan_deep.py:paper        ImageNet at 128x128, batch 2,048; FID 5.7, IS 124.5 in the paper
python train.py --config=configs/biggan_deep.py:imagenet256  the same at 256x256; FID 6.9, IS 171.4 in the paper
python train.py --config=configs/biggan_deep.py:imagenet512  the same at 512x512; FID 7.5, IS 152.8 in the paper
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "biggan_deep"
    config.game = {"latent_size": 24}
    spectral_norm = named("spectral_norm", exclude="shared_embedding", epsilon=1e-6)
    config.players.generator = player(
        named("BigGANDeepGenerator", width=16, shared_size=32, attention=(8,)),
        named("adam", learning_rate=4e-4, b1=0.0, b2=0.999),
        constraints=(named("orthogonal", weight=1e-4, exclude="shared_embedding"), spectral_norm),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("BigGANDeepDiscriminator", width=16, attention=(8,)),
        named("adam", learning_rate=1e-3, b1=0.0, b2=0.999),
        constraints=(spectral_norm,),
    )
    config.data.name = "digits"
    config.metrics = ("default", "singular_values")
    config.steps = 1000
    config.evaluate_every, config.sample_every = 100, 100
    return config


def paper() -> ConfigDict:
    """As in the paper's appendix C; what it leaves open (the labels of fakes) is as in the first author's program."""
    config = default()
    config.system = "biggan_deep"
    config.game = {"num_classes": 1000, "labels": "uniform", "latent_size": 128}
    spectral_norm = named("spectral_norm", exclude="shared_embedding", epsilon=1e-4)
    config.players.generator = player(
        named("BigGANDeepGenerator", norm_epsilon=1e-4),
        named("adam", learning_rate=5e-5, b1=0.0, b2=0.999),
        constraints=(named("orthogonal", weight=1e-4, exclude="shared_embedding"), spectral_norm),
        average=named("exponential", decay=0.9999, start=20_000),
    )
    config.players.discriminator = player(
        named("BigGANDeepDiscriminator"),
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
    config.data.image_size = 256
    for each in config.players.values():
        each.optimizer.learning_rate = 2.5e-5
    return config


def imagenet512() -> ConfigDict:
    config = imagenet256()
    config.data.image_size = 512
    return config


VARIANTS = {"": digits, "paper": paper, "imagenet256": imagenet256, "imagenet512": imagenet512}

_LEARNED = {"class_accuracy": ">= 0.9", "digit_fd": "<= 15"}
CHECKS = {
    "": Check(_LEARNED, baselines={"class_accuracy": "0.10 (chance)"}),
    "a discriminator that does not learn": Check(
        _LEARNED, changes={"players.discriminator.optimizer.learning_rate": 1e-9}, control=True
    ),
}
