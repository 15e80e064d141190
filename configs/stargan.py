"""StarGAN: Choi et al. 2018 (arXiv:1711.09020), translation among many domains by one network.

python train.py --config=configs/stargan.py             digits, also thick, dim and with a bar, 16x16, a minute on two CPU cores
python train.py --config=configs/stargan.py:attributes  digits with a bar or without, dim or not: attributes are changed
python train.py --config=configs/stargan.py:paper       CelebA, 128x128: hair colour, gender and age
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "stargan"
    # Without the identity loss a network that all domains share is as content with negatives of the digits.
    config.game = {"discriminator_steps": 2, "identity": 10.0}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    network = named("StarGANGenerator", width=16, blocks=2, downsamples=1)
    config.players.generator = player(network, adam, schedule=half)
    config.players.discriminator = player(named("StarGANDiscriminator", width=32, layers=3), adam, schedule=half)
    config.data.name = "digits_translation"
    config.data.domains = ("digits", "thickened", "dim", "bar")
    config.batch_size = 9  # of each domain
    config.steps = 400
    config.log_every, config.sample_every, config.evaluate_every = 20, 100, 200
    return config


def attributes() -> ConfigDict:
    config = digits()
    config.data.name = "digits"
    config.data.domains = ()
    config.data.attributes = ("bar", "dim")
    config.batch_size = 36
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "stargan"
    config.game = {"classification": 1.0, "reconstruction": 10.0, "penalty": 10.0, "discriminator_steps": 5}
    adam = named("adam", learning_rate=1e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(named("StarGANGenerator"), adam, schedule=half)
    config.players.discriminator = player(named("StarGANDiscriminator"), adam, schedule=half)
    config.data.name = "folder"
    config.data.path = "data/celeba/images"
    config.data.attributes_file = "data/celeba/list_attr_celeba.txt"
    config.data.attributes = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
    # The faces are 178x218: the square in the middle, at 128x128.
    config.data.image_size = 128
    config.data.flip = True
    config.batch_size = 16
    config.steps = 200_000 // 5  # the authors count the discriminator's turns
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "attributes": attributes, "paper": paper}

_DOMAINS = {"agreement_worst": ">= 0.85", "domain_accuracy_worst": ">= 0.9"}
_ATTRIBUTES = {"agreement_worst": ">= 0.9", "attribute_accuracy_worst": ">= 0.9"}
CHECKS = {
    "": Check(_DOMAINS),
    "without the classification": Check(_DOMAINS, changes={"game.classification": 0.0}, control=True),
    "without the identity loss": Check(_DOMAINS, changes={"game.identity": 0.0}, control=True),
    "attributes": Check(_ATTRIBUTES, "attributes"),
    "attributes without the classification": Check(
        _ATTRIBUTES, "attributes", {"game.classification": 0.0}, control=True
    ),
}
