"""The systems: each is a function from players and settings to a game, in one short file that follows its paper."""

from jaxgan.gans.biggan import biggan
from jaxgan.gans.cyclegan import cyclegan
from jaxgan.gans.gan import gan
from jaxgan.gans.progan import progan
from jaxgan.gans.wgan_gp import wgan_gp

__all__ = ["biggan", "cyclegan", "gan", "progan", "wgan_gp"]
