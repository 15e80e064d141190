"""StyleGAN2: Karras et al. 2019 (arXiv:1912.04958), styles that scale weights, and smooth paths; with ADA (arXiv:2006.06676).

python train.py --config=configs/stylegan2.py              digits 16x16, minutes on two CPU cores
python train.py --config=configs/stylegan2.py:conditional  the same, told the digit
python train.py --config=configs/stylegan2.py:a            FFHQ at 1024x1024, the paper's ladder: StyleGAN itself
python train.py --config=configs/stylegan2.py:b            ... weight demodulation
python train.py --config=configs/stylegan2.py:c            ... lazy regularisation
python train.py --config=configs/stylegan2.py:d            ... path length regularisation
python train.py --config=configs/stylegan2.py:e            ... no growing, new structures
python train.py --config=configs/stylegan2.py:paper        ... large networks, configuration F; FID 2.84
python train.py --config=configs/stylegan2.py:ffhq256      FFHQ at 256x256, with ADA as in its paper
python train.py --config=configs/stylegan2.py:cifar        CIFAR-10 by class, with ADA; FID 2.42 in its paper
python train.py --config=configs/stylegan2.py:auto         a folder of your own, with ADA and its rules of thumb
python train.py --config=configs/stylegan2.py:cpu32        your folder at 32x32: up to 13 minutes on two CPU cores
python train.py --config=configs/stylegan2.py:gpu32        your folder at 32x32
python train.py --config=configs/stylegan2.py:gpu64        your folder at 64x64
python train.py --config=configs/stylegan2.py:gpu128       your folder at 128x128
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def lazy_adam(learning_rate: float, every: int) -> ConfigDict:
    """Adam for a player that takes a turn more every few steps; 0: it takes none (appendix B)."""
    share = every / (every + 1) if every else 1.0
    return named("adam", learning_rate=learning_rate * share, b1=0.0, b2=0.99**share, eps=1e-8)


def digits() -> ConfigDict:
    config = default()
    config.system = "stylegan2"
    config.game = {"latent_size": 32, "gamma": 1.0}
    equalized = named("equalized", gain=1.0, rates={"mapping/dense": 0.01})
    config.players.generator = player(
        named("StyleGAN2Generator", base_width=256, max_width=32, style_width=32),
        lazy_adam(2e-3, 4),
        constraints=(equalized,),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("StyleGANDiscriminator", base_width=256, max_width=32, structure="residual"),
        lazy_adam(2e-3, 16),
        constraints=(equalized,),
    )
    config.data.name = "digits"
    config.steps = 2000
    return config


def conditional() -> ConfigDict:
    config = digits()
    config.game.conditional = True
    config.steps = 3000  # samples are right by their shape sooner than by their class
    return config


def paper() -> ConfigDict:
    """Configuration F."""
    config = default()
    config.system = "stylegan2"
    config.game = {"latent_size": 512, "gamma": 10.0}
    equalized = named("equalized", gain=1.0, rates={"mapping/dense": 0.01})
    config.players.generator = player(
        named("StyleGAN2Generator"),
        lazy_adam(2e-3, 4),
        constraints=(equalized,),
        average=named("half_life", images=10_000),
    )
    config.players.discriminator = player(
        named("StyleGANDiscriminator", base_width=16384, structure="residual"),
        lazy_adam(2e-3, 16),
        constraints=(equalized,),
    )
    config.data.name = "folder"
    config.data.path = "data/ffhq"
    config.data.image_size = 1024
    config.data.flip = True
    config.batch_size = 32
    config.images = 25_000_000
    config.steps = 0  # the images end the run
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def e() -> ConfigDict:
    config = paper()
    config.game.gamma = 100.0
    for each in config.players.values():
        each.network.base_width = 8192
    return config


def d() -> ConfigDict:
    config = e()
    config.game.update({"gamma": 10.0, "grow": True, "batch_sizes": {"8": 256, "16": 128, "32": 64}})
    for each, every in ((config.players.generator, 4), (config.players.discriminator, 16)):
        each.network.structure = "plain"
        each.optimizer = lazy_adam(1e-3, every)
        # By resolution, 1.5e-3 at 128, 2e-3 at 256 and 3e-3 above, each from when its level begins to fade in.
        each.schedule = named("piecewise", starts=(4_200_000, 5_400_000, 6_600_000), factors=(1.5, 2.0, 3.0))
    return config


def c() -> ConfigDict:
    config = d()
    config.game.path_weight = 0.0
    config.players.generator.optimizer = lazy_adam(1e-3, 0)
    return config


def b() -> ConfigDict:
    config = c()
    config.game.r1_every = 1
    config.players.discriminator.optimizer = lazy_adam(1e-3, 0)
    return config


def a() -> ConfigDict:
    config = b()
    config.system = "stylegan"
    for name in ("r1_every", "path_weight"):
        del config.game[name]
    network = config.players.generator.network
    network.name = "StyleGANGenerator"
    del network["structure"]
    return config


def _half_precision(config: ConfigDict) -> None:
    """The four largest resolutions, with features of at most 256, as in ADA's programs."""
    config.dtype = "bfloat16"
    for each in config.players.values():
        each.network.update({"reduced_levels": 4, "clamp": 256.0})


def ffhq256() -> ConfigDict:
    """ADA's `paper256`."""
    config = paper()
    config.game.gamma = 1.0
    config.players.generator.network.base_width = 8192
    config.players.generator.optimizer = lazy_adam(2.5e-3, 4)
    config.players.generator.average.images = 20_000
    config.players.discriminator.network.update({"base_width": 8192, "group_size": 8})
    config.players.discriminator.optimizer = lazy_adam(2.5e-3, 16)
    config.players.discriminator.views = (named("ada", categories="bgc", target=0.6, images=500_000),)
    config.data.image_size = 256
    config.batch_size = 64
    _half_precision(config)
    return config


def cifar() -> ConfigDict:
    """ADA's `cifar`: no path length, no mixing, a shallow mapping and a plain discriminator."""
    config = paper()
    config.game.update({"gamma": 0.01, "path_weight": 0.0, "mixing": 0.0, "conditional": True})
    config.players.generator.network.mapping_layers = 2
    config.players.generator.optimizer = lazy_adam(2.5e-3, 0)
    config.players.generator.average = named("half_life", images=500_000, ramp_up=0.05)
    config.players.discriminator.network.update({"structure": "plain", "group_size": 32})
    config.players.discriminator.optimizer = lazy_adam(2.5e-3, 16)
    config.players.discriminator.views = (named("ada", categories="bgc", target=0.6, images=500_000),)
    config.data.name, config.data.path = "tfds:cifar10", ""
    config.data.image_size = 32
    config.data.flip = False
    config.batch_size = 64
    config.images = 100_000_000
    _half_precision(config)
    return config


def auto() -> ConfigDict:
    """ADA's `auto` for one device, below 512 pixels; from there on it has base_width 16384, and at 1024 a rate of 0.002."""
    config = ffhq256()
    config.game.gamma = None  # 0.0002 resolution^2 / batch size
    config.players.generator.network.mapping_layers = 2
    # 10,000 images for every 32 of a minibatch.
    config.players.generator.average = named("half_life", images=5_000, ramp_up=0.05)
    config.players.discriminator.network.group_size = 4
    config.data.path = "data/photos"
    config.batch_size = 16  # 4096 / resolution, at most 32 and 64 in all
    return config


def cpu32() -> ConfigDict:
    return own_pictures(digits(), 32, batch_size=32, steps=6000)


def gpu(size: int, batch_size: int = 32, steps: int = 100_000) -> ConfigDict:
    """`auto` at a size below 256, for the minibatch that its rules give: the steps end the run."""
    config = own_pictures(auto(), size, batch_size, steps)
    config.images = 0
    config.players.generator.average.images = 10_000
    return config


VARIANTS = {
    "": digits,
    "conditional": conditional,
    "a": a,
    "b": b,
    "c": c,
    "d": d,
    "e": e,
    "paper": paper,
    "ffhq256": ffhq256,
    "cifar": cifar,
    "auto": auto,
    "cpu32": cpu32,
    "gpu32": lambda: gpu(32),
    "gpu64": lambda: gpu(64),
    "gpu128": lambda: gpu(128),
}

_SMOOTH = {"ppl_w": "<= 275"}
CHECKS = {
    "": Check(
        {"digit_fd": "<= 25", "digits_present": ">= 10", "w_over_z": "<= 0.4", "inversion_error": "<= 0.025"},
        baselines={"w_over_z": "1 (as in Z)", "inversion_error": "1 (their mean)"},
        computed="styles",
    ),
    # "PPL falls": of paths in W, with 25 times the default's weight, which costs Digit-FD (18 to 25). The game's own samples
    # are then found again within 0.006 to 0.017; without path lengths within 0.016 and 0.027, too near for a bound.
    "smooth paths": Check(
        _SMOOTH, changes={"game.path_weight": 50.0}, baselines={"ppl_w": "(its control)"}, computed="styles"
    ),
    "without path lengths": Check(
        _SMOOTH,
        changes={"game.path_weight": 0.0},
        baselines={"ppl_w": "(itself)"},
        control=True,
        computed="styles",
    ),
    "by class": Check({"class_accuracy": ">= 0.9"}, "conditional"),
}
