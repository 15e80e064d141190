"""UNIT: Liu, Breuel and Kautz 2017 (arXiv:1703.00848), translation between two domains through one latent space.

python train.py --config=configs/unit.py              digits and inverted digits 16x16, minutes on two CPU cores
python train.py --config=configs/unit.py:untied       nothing shared, no crossing: two VAE-GANs whose decoders are exchanged
python train.py --config=configs/unit.py:one_encoder  all is shared, for digits with a bar: one network is told the domain
python train.py --config=configs/unit.py:paper        two folders of photographs, 256x256
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "unit"
    # Less of the reconstruction than the paper's 100, which now and then settles on a wrong pairing before the discriminators
    # have learned anything.
    config.game = {"reconstruction": 10.0, "cycle": 50.0, "kl": 0.1, "adversarial": 10.0, "crossed": True}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    sides = {"downsamples": 1, "blocks": 1, "shared_blocks": 1, "tied": ("inner",)}
    config.players.encoder = player(named("UNITEncoder", width=16, **sides), adam, schedule=half)
    config.players.decoder = player(named("UNITDecoder", **sides), adam, schedule=half)
    for name in ("discriminator_a", "discriminator_b"):
        network = named("PatchDiscriminator", width=32, layers=2, norm="none")
        config.players[name] = player(network, adam, schedule=half)
    config.data.name = "digits_translation"
    config.metrics = ("translation", "common_codes")
    config.batch_size = 32
    config.steps = 400
    config.log_every, config.sample_every, config.evaluate_every = 20, 100, 200
    return config


def untied() -> ConfigDict:
    config = digits()
    config.game.crossed = False
    config.players.encoder.network.tied = config.players.decoder.network.tied = ()
    return config


def one_encoder() -> ConfigDict:
    """A single network takes inverted digits for negatives of others: its domains differ in a bar."""
    config = digits()
    config.data.domain = "bar"
    config.players.encoder.network.tied = config.players.decoder.network.tied = ("inner", "outer")
    return config


def paper() -> ConfigDict:
    """The program's decay of 1e-4 takes biases too; the discriminators' stands beside 10 times their losses."""
    config = default()
    config.system = "unit"
    adam = named("adam", learning_rate=1e-4, b1=0.5, b2=0.999)
    small = (named("l2_decay", weight=1e-4),)
    config.players.encoder = player(named("UNITEncoder"), adam, constraints=small)
    config.players.decoder = player(named("UNITDecoder"), adam, constraints=small)
    smaller = (named("l2_decay", weight=1e-4 / 10),)
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = player(named("PatchDiscriminator", norm="none"), adam, constraints=smaller)
    config.data.name = "two_folders"
    config.data.path = "data/day2night"
    config.data.image_size, config.data.load_size = 256, 286
    config.data.crop = "random"
    config.data.flip = True
    config.batch_size = 1
    config.steps = 500_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "untied": untied, "one_encoder": one_encoder, "paper": paper}

_BOUNDS = {
    "agreement_ab": ">= 0.85",
    "agreement_ba": ">= 0.85",
    "cycle_l1": "<= 0.1",
    "cycle_l1_aba_noisy": "<= 0.1",
    "counterpart_mse_ab": "<= 0.03",
    "counterpart_mse_ba": "<= 0.03",
}
_BAR = {"domain_ab": ">= 0.95", "domain_ba": ">= 0.95", "agreement_ab": ">= 0.9", "agreement_ba": ">= 0.9"}
CHECKS = {
    "": Check(_BOUNDS),
    "untied": Check(_BOUNDS, "untied", control=True),
    "one encoder": Check(_BAR, "one_encoder"),
}
