"""Architectures, by family: plain functions of their parameters, without losses and without constraints.

Configs look networks up here by class name.
"""

from jaxgan.networks.autoencoder import ConvAutoencoder, MLPAutoencoder
from jaxgan.networks.began import BEGANAutoencoder, BEGANGenerator
from jaxgan.networks.biggan import BigGANDiscriminator, BigGANGenerator
from jaxgan.networks.cyclegan import PatchDiscriminator, ResNetTranslator
from jaxgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.networks.improved_gan import (
    ImprovedDiscriminator,
    ImprovedGenerator,
    ImprovedMLPDiscriminator,
    ImprovedMLPGenerator,
)
from jaxgan.networks.maxout import MaxoutDiscriminator, MaxoutGANGenerator
from jaxgan.networks.mlp import MLPDiscriminator, MLPGenerator
from jaxgan.networks.progan import PROGAN_GAINS, ProGANDiscriminator, ProGANGenerator
from jaxgan.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from jaxgan.networks.resnet import ResNetDiscriminator, ResNetGenerator
from jaxgan.networks.sndcgan import SNDCGANDiscriminator, SNDCGANGenerator

__all__ = [
    "PROGAN_GAINS",
    "BEGANAutoencoder",
    "BEGANGenerator",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "ConvAutoencoder",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "ImprovedDiscriminator",
    "ImprovedGenerator",
    "ImprovedMLPDiscriminator",
    "ImprovedMLPGenerator",
    "MLPAutoencoder",
    "MLPDiscriminator",
    "MLPGenerator",
    "MaxoutDiscriminator",
    "MaxoutGANGenerator",
    "PatchDiscriminator",
    "ProGANDiscriminator",
    "ProGANGenerator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "ResNetTranslator",
    "SNDCGANDiscriminator",
    "SNDCGANGenerator",
]
