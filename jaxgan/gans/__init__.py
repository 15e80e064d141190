"""The systems: each is a function from players and settings to a game, in one short file that follows its paper."""

from jaxgan.gans import terms
from jaxgan.gans.began import began
from jaxgan.gans.cyclegan import cyclegan
from jaxgan.gans.ebgan import ebgan
from jaxgan.gans.gan import gan
from jaxgan.gans.improved_gan import improved_gan
from jaxgan.gans.progan import progan
from jaxgan.gans.wgan import wgan

SYSTEMS = {system.__name__: system for system in (began, cyclegan, ebgan, gan, improved_gan, progan, wgan)}

__all__ = ["SYSTEMS", "began", "cyclegan", "ebgan", "gan", "improved_gan", "progan", "terms", "wgan"]
