"""SRGAN: Ledig et al. 2017 (arXiv:1609.04802), super-resolution by squared errors, then by an adversary and a content loss.

python train.py --config=configs/srgan.py           half a photograph of a flower, twice as large, 3 minutes on two CPU cores
python train.py --config=configs/srgan.py:srresnet  the same without the adversary: the best PSNR, and blurred
python train.py --config=configs/srgan.py:paper     a folder of photographs, four times as large, content by VGG19's maps
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def flower() -> ConfigDict:
    config = default()
    config.system = "srgan"
    config.game = {"pretraining_steps": 1000, "content_weight": 1.0, "adversarial": 0.01}
    adam = named("adam", learning_rate=1e-3, b1=0.9, b2=0.999)
    config.players.generator = player(
        named("SRResNet", width=32, blocks=2, outer_kernel=3, norm="none", skip="bicubic"), adam
    )
    config.players.discriminator = player(
        named("SRGANDiscriminator", widths=(16, 32, 64), units=64, norm="none"),
        named("adam", learning_rate=5e-4, b1=0.5, b2=0.999),
    )
    config.players.classifier = player(named("ContentClassifier", widths=(16, 32)), adam)
    config.data.name = "photos"
    config.data.path = "flower"
    config.data.image_size = 24
    config.data.crop = "random"
    config.data.flip = True
    config.data.scale_factor = 2
    config.batch_size = 16
    config.steps = 2000
    config.metrics = ("detail",)
    config.log_every, config.evaluate_every = 100, 500
    return config


def srresnet() -> ConfigDict:
    config = flower()
    config.game.pretraining_steps = config.steps
    config.metrics = ("super_resolution",)
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "srgan"
    config.game = {"pretraining_steps": 1_000_000, "content": "vgg54"}
    adam = named("adam", learning_rate=1e-4, b1=0.9, b2=0.999)
    last = named("piecewise", starts=(1_100_000,), factors=(0.1,), unit="steps")
    config.players.generator = player(named("SRResNet"), adam, schedule=last)
    config.players.discriminator = player(named("SRGANDiscriminator"), adam, schedule=last)
    config.players.classifier = player(named("ContentClassifier"), adam)
    config.data.name = "folder"
    config.data.path = "data/photographs"  # the paper: 350,000 of ImageNet
    config.data.image_size = 96
    config.data.resize, config.data.crop = "none", "random"
    config.data.flip = True
    config.data.scale_factor = 4
    config.batch_size = 16
    config.steps = 1_200_000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 10_000, 10_000
    return config


VARIANTS = {"": flower, "srresnet": srresnet, "paper": paper}

# The adversary costs PSNR, but leaves more than the bicubic filter has; without it details are as weak as squared errors like.
# Beside the first stage's end: two decibels at most, for textures that are nearer to true ones.
_BOUNDS = {"psnr_gain": ">= 0.5", "detail": "<= 0.42", "psnr_lost": "<= 2", "detail_share": "<= 0.9"}
CHECKS = {
    "": Check(_BOUNDS, computed="adversarial_stage"),
    "without the adversary": Check(_BOUNDS, "srresnet", control=True, computed="adversarial_stage"),
    "without squared errors": Check(
        _BOUNDS, changes={"game.pretraining_steps": 0}, control=True, computed="adversarial_stage"
    ),
}
