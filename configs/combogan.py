"""ComboGAN: Anoosheh et al. 2018 (arXiv:1712.06909), translation among many domains, an encoder and a decoder for each.

python train.py --config=configs/combogan.py        digits, inverted digits and edges of digits 16x16, minutes on a CPU
python train.py --config=configs/combogan.py:paper  fourteen painters, a folder each, 256x256
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "combogan"
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    encoder = named("ComboGANEncoder", width=16, blocks=1, downsamples=1)
    config.players.encoder = player(encoder, adam, schedule=half)
    config.players.decoder = player(named("ComboGANDecoder", blocks=1, downsamples=1), adam, schedule=half)
    # Without instance norm, which would normalise maps of 4x4 pixels.
    discriminator = named("PatchDiscriminator", width=32, layers=2, norm="none")
    config.players.discriminator = player(discriminator, adam, schedule=half)
    config.data.name = "digits_translation"
    config.data.domains = ("digits", "inverted", "edges")
    config.batch_size = 32
    config.steps = 600
    config.log_every, config.sample_every, config.evaluate_every = 20, 100, 200
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "combogan"
    config.game = {"cycle": 10.0, "pool_size": 50}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.encoder = player(named("ComboGANEncoder"), adam, schedule=half)
    config.players.decoder = player(named("ComboGANDecoder"), adam, schedule=half)
    # From memory: CycleGAN's. The authors' code has two for each domain, of the luminance and of blurred colours.
    config.players.discriminator = player(named("PatchDiscriminator"), adam, schedule=half)
    config.data.name = "many_folders"
    config.data.path = "data/painters"
    config.data.domains = tuple(f"painter_{number}" for number in range(14))
    config.data.image_size, config.data.load_size = 256, 286
    config.data.crop = "random"
    config.data.flip = True
    config.batch_size = 1
    # 100 epochs for each domain (half of them of the full rate), from memory of about 700 paintings of each of the 14.
    config.steps = 100 * 14 * 700 // 2
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

_BOUNDS = {"agreement_worst": ">= 0.85", "domain_accuracy_worst": ">= 0.95", "cycle_l1": "<= 0.12"}
CHECKS = {
    "": Check(_BOUNDS),
    "without cycle loss": Check(_BOUNDS, changes={"game.cycle": 0.0}, control=True),
}
