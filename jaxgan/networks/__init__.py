"""Architectures, by family: plain functions of their parameters, without losses and without constraints.

Configs look networks up here by class name.
"""

from jaxgan.networks.biggan import BigGANDiscriminator, BigGANGenerator
from jaxgan.networks.cyclegan import PatchDiscriminator, ResNetTranslator
from jaxgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.networks.mlp import MLPDiscriminator, MLPGenerator
from jaxgan.networks.progan import PROGAN_GAINS, ProGANDiscriminator, ProGANGenerator
from jaxgan.networks.resnet import ResNetDiscriminator, ResNetGenerator

__all__ = [
    "PROGAN_GAINS",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "PatchDiscriminator",
    "ProGANDiscriminator",
    "ProGANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "ResNetTranslator",
]
