"""CycleGAN's residual generator, as the authors' program in PyTorch keeps it. Only names and shapes are theirs."""

from collections.abc import Sequence

from jaxgan.config import named, player
from jaxgan.core.arrays import ArraySpec
from jaxgan.layouts.converted import Converted, image_config
from jaxgan.layouts.tensors import Tensors, Tree

_SIDE = 256  # of the images that it was trained on, usually; it takes others
_RUNNING = ("running_mean", "running_var")  # older files have them; the program takes each image's own


def cyclegan(files: Sequence[Tensors]) -> Converted:
    """`latest_net_G_A.pth`, which becomes a translator one way, or that and `latest_net_G_B.pth`, which are a CycleGAN."""
    found = [_translator(tensors) for tensors in files]
    (params, network, channels), *others = found
    if others and (others[0][1] != network or others[0][2] != channels[::-1]):
        raise files[1].refused("it is of another network than the first file")
    adam = named("adam", learning_rate=2e-4)
    discriminator = player(named("PatchDiscriminator"), adam)
    arrays = {
        name: ArraySpec((_SIDE, _SIDE, each), "float32", "image") for name, each in zip("ab", channels, strict=True)
    }
    if others:
        config = image_config("cyclegan", {"identity": 0.0, "pool_size": 0}, _SIDE)
        roles = {"generator_ab": params, "generator_ba": others[0][0]}
        config.players.discriminator_b = discriminator
    else:
        # Of the systems that translate one way it is pix2pix whose generator may be any network.
        config = image_config("pix2pix", {}, _SIDE)
        roles = {"generator": params}
        config.players.discriminator = player(named("ConditionalPatchDiscriminator"), adam)
    for name in roles:
        config.players[name] = player(network, adam)
    config.data.name = "two_folders"
    return Converted(config, arrays, roles, ("translate",), domains=("A", "B"))


def _translator(tensors: Tensors) -> tuple[Tree, object, tuple[int, int]]:
    """The parameters, the network, and the channels before and behind it."""
    last = tensors.count(r"model\.(\d+)\.")
    kinds = {index: _kind(tensors, index) for index in range(last)}
    blocks = [index for index, kind in kinds.items() if kind == "block"]
    plain = [index for index, kind in kinds.items() if kind == "layer"]
    if not blocks or len(plain) % 2:
        raise tensors.refused("it has no residual blocks between convolutions that halve and that double the map")
    if f"model.{plain[0] + 1}.weight" in tensors:
        raise tensors.refused(
            "its norms learn gains, as batch norm does: only instance norm, the program's default, is taken"
        )
    down = [index for index in plain if index < blocks[0]][1:]
    up = [index for index in plain if index > blocks[-1]][:-1]
    if len(down) != len(up):
        raise tensors.refused(f"it halves the map {len(down)} times and doubles it {len(up)} times")
    width, before, *_ = tensors.shape(f"model.{plain[0]}.weight")
    for index in range(last):
        _forget_running(tensors, f"model.{index}")

    params: Tree = {"stem": tensors.convolution(f"model.{plain[0]}")}
    params |= {f"down_{number}": tensors.convolution(f"model.{index}") for number, index in enumerate(down)}
    for number, index in enumerate(blocks):
        place = f"model.{index}.conv_block"
        second = 6 if f"{place}.6.weight" in tensors else 5  # with dropout between them, which is off
        for ours, theirs in (("conv_1", 1), ("conv_2", second)):
            params[f"block_{number}_{ours}"] = tensors.convolution(f"{place}.{theirs}")
            _forget_running(tensors, f"{place}.{theirs + 1}")
    params |= {f"up_{number}": tensors.up_convolution(f"model.{index}") for number, index in enumerate(up)}
    params["to_image"] = tensors.convolution(f"model.{plain[-1]}")
    network = named("ResNetTranslator", width=width, blocks=len(blocks), downsamples=len(down))
    return params, network, (before, params["to_image"]["bias"].shape[0])


def _kind(tensors: Tensors, index: int) -> str:
    if f"model.{index}.conv_block.1.weight" in tensors:
        return "block"
    return "layer" if f"model.{index}.weight" in tensors and len(tensors.shape(f"model.{index}.weight")) == 4 else ""


def _forget_running(tensors: Tensors, place: str) -> None:
    for name in _RUNNING:
        if f"{place}.{name}" in tensors:
            tensors.take(f"{place}.{name}")
