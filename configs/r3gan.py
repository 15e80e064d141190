"""R3GAN: Huang et al. 2024 (arXiv:2501.05441), relativistic pairs with R1 and R2: the modern baseline.

L_D = E[softplus(C(g) - C(x))] + gamma / 2 (E || grad C(x) ||^2 + E || grad C(g) ||^2),  L_G = E[softplus(C(x) - C(g))]

python train.py --config=configs/r3gan.py          digits 16x16, four minutes on two CPU cores
python train.py --config=configs/r3gan.py:grid25   25 Gaussians in the plane, all of them
python train.py --config=configs/r3gan.py:stacked  1,000 modes of stacked digits, with the networks of DCGAN
python train.py --config=configs/r3gan.py:paper    CIFAR-10; FID 1.96 in the paper
python train.py --config=configs/r3gan.py:ffhq64   FFHQ at 64x64; FID 1.95 in the paper
python train.py --config=configs/r3gan.py:ffhq256  FFHQ at 256x256; FID 2.75 in the paper
"""

from ml_collections import ConfigDict

from configs import dcgan, gan
from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    variants = {
        "": digits,
        "grid25": grid25,
        "stacked": stacked,
        "paper": paper,
        "ffhq64": ffhq64,
        "ffhq256": ffhq256,
    }
    return jaxgan.variant(variant, variants)


def _objective(config: ConfigDict, latent_size: int, gamma: float, schedule: ConfigDict | None = None) -> None:
    config.game = {
        "latent_size": latent_size,
        "objective": {"name": "relativistic", "form": "pairing", "loss": "standard"},
        "terms": {name: {"weight": gamma} for name in ("r1", "r2")},
    }
    for term in config.game.terms.values() if schedule else ():
        term.schedule = schedule


def digits(config: ConfigDict) -> None:
    config.system = "gan"
    for name, network in (("generator", "R3GANGenerator"), ("discriminator", "R3GANDiscriminator")):
        config.players[name] = jaxgan.player(
            jaxgan.named(network, widths=(64, 32, 16), blocks=1),
            jaxgan.named("adam", learning_rate=1e-3, b1=0.0, b2=0.95),
            schedule=jaxgan.named("cosine_decay", stop=1500, final=0.1),
        )
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    _objective(config, latent_size=32, gamma=0.5)
    config.data.name = "digits"
    config.data.image_size = 16
    config.steps = 1500
    config.log_every, config.sample_every, config.evaluate_every = 50, 300, 500
    config.metrics = ("digit_fd",)


def stacked(config: ConfigDict) -> None:
    dcgan.stacked(config)
    config.players.discriminator.network.norm = "none"  # R1 and R2 are of each image alone
    for player in config.players.values():
        player.optimizer.update(b1=0.0, b2=0.99)
    _objective(config, latent_size=64, gamma=1.0)


def grid25(config: ConfigDict) -> None:
    gan.grid25(config)
    _objective(config, latent_size=2, gamma=0.1)


def _published(
    config: ConfigDict,
    images: float,
    gammas: tuple[float, float],
    half_life: float,
    probability: float,
    batch: int,
    full_precision: int,
) -> None:
    config.system = "gan"
    cosine = {"stop": images, "unit": "images"}
    for name, network in (("generator", "R3GANGenerator"), ("discriminator", "R3GANDiscriminator")):
        config.players[name] = jaxgan.player(
            jaxgan.named(network, full_precision_stages=full_precision),
            jaxgan.named(
                "adam_rising_b2", learning_rate=2e-4, b1=0.0, b2=0.9, final_b2=0.99, updates=int(images / batch)
            ),
            schedule=jaxgan.named("cosine_decay", final=0.25, **cosine),
        )
    config.players.generator.average = jaxgan.named("half_life", images=half_life, ramp_images=images)
    # Half the strength of colours, and cut-out besides: as in the released launch script.
    config.players.discriminator.view = jaxgan.named(
        "augment_pipe",
        categories={"b": 1.0, "g": 1.0, "c": 0.5, "o": 1.0},
        probability=jaxgan.named("cosine_ramp", final=probability, **cosine),
    )
    start, final = gammas
    _objective(config, 64, start, jaxgan.named("cosine_decay", final=final / start, **cosine))
    config.data.flip = True
    config.batch_size = batch
    config.images = int(images)
    config.steps = 0  # the images end the run
    config.dtype = "bfloat16"
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000


def paper(config: ConfigDict) -> None:
    _published(config, images=2e7, gammas=(0.05, 0.005), half_life=5e6, probability=0.55, batch=512, full_precision=1)
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32


def ffhq64(config: ConfigDict) -> None:
    _published(config, images=2e7, gammas=(2.0, 0.2), half_life=5e5, probability=0.3, batch=256, full_precision=1)
    for player in config.players.values():
        player.network.widths = (768, 768, 768, 768, 384)
    config.data.name, config.data.path = "folder", "data/ffhq"
    config.data.image_size = 64


def ffhq256(config: ConfigDict) -> None:
    _published(config, images=2e7, gammas=(150.0, 15.0), half_life=5e5, probability=0.3, batch=256, full_precision=3)
    for player in config.players.values():
        player.network.widths = (768, 768, 768, 768, 384, 192, 96)
    config.data.name, config.data.path = "folder", "data/ffhq"
    config.data.image_size = 256
