"""sg2im: Johnson, Gupta and Fei-Fei 2018 (arXiv:1804.01622), images from scene graphs by way of boxes and masks.

python train.py --config=configs/sg2im.py  digits and frames on a canvas of 32x32, two to three minutes on two CPU cores
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def scenes() -> ConfigDict:
    config = default()
    config.system = "sg2im"
    config.game = {"latent_size": 8, "object_size": 8, "adversarial": 0.1, "mask_weight": 1.0}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    slow = named("adam", learning_rate=4e-4, b1=0.5, b2=0.999)
    average = named("half_life", images=5_000, ramp_up=0.1)
    config.players.graph_network = player(named("SceneGraphNetwork", width=32), adam, average=average)
    config.players.generator = player(named("CascadedRefinementGenerator", widths=(48, 32, 16)), adam, average=average)
    config.players.discriminator = player(named("DCGANDiscriminator", width=16, norm="none"), slow)
    config.players.object_discriminator = player(named("ACGANDiscriminator", widths=(16, 32, 32, 64)), slow)
    config.data.name = "scenes"
    config.batch_size = 32
    config.steps = 1500
    config.log_every, config.sample_every, config.evaluate_every = 50, 500, 500
    return config


VARIANTS = {"": scenes}

_BOUNDS = {"relations": ">= 0.7", "objects": ">= 0.85"}
CHECKS = {
    "": Check(_BOUNDS),
    "without the graph's edges": Check(_BOUNDS, changes={"players.graph_network.network.rounds": 0}, control=True),
}
