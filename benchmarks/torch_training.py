"""The training steps of the speed benchmark in PyTorch: the turns of `jaxgan.gans`, in eager mode.

As in the games, networks that do not move in a turn get no gradient, and the generator answers for the fakes of the
first discriminator turn where the game's turns share their noise. What differs: spectral norm runs a power iteration at
each forward pass (jaxgan: one at each update, for all its passes), batch norm keeps running averages (jaxgan: none), and
jaxgan also computes the norm of each player's gradient, to find non-finite ones.
"""

import copy
import dataclasses
import functools
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import torch_models as models
from benchmarks import torch_stylegan2, torch_translation

Batch = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Reference:
    """A system in PyTorch.

    Attributes:
        networks: By the names of the game's players.
        optimizers: By the names of the players that they move, joined by "+".
        step: Plays one step on as many minibatches as the game's step takes.
    """

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    step: Callable[[list[Batch]], None]


def _prepare(networks: Iterable[nn.Module], device: str, channels_last: bool) -> None:
    for network in networks:
        network.to(device, memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()


def _gan(
    generator: nn.Module,
    discriminator: nn.Module,
    latent_shape: tuple[int, ...],
    losses: tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]],
    betas: tuple[float, float],
    device: str,
    mixed: bool,
) -> Reference:
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=betas)
    autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=mixed)
    discriminator_loss, generator_loss = losses

    def generate(number: int) -> Tensor:
        return generator(torch.randn(number, *latent_shape, device=device))

    def step(batches: list[Batch]) -> None:
        models.moves(discriminator, True)
        with autocast():
            fakes = generate(len(batches[0]["image"]))
        for index, batch in enumerate(batches):
            with autocast():
                fake = fakes.detach()
                if index:
                    with torch.no_grad():
                        fake = generate(len(batch["image"]))
                loss = discriminator_loss(discriminator(batch["image"]), discriminator(fake))
            models.update(optimizer_d, loss)
        models.moves(discriminator, False)
        with autocast():
            loss = generator_loss(discriminator(fakes).float())
        models.update(optimizer_g, loss)

    return Reference(
        {"generator": generator, "discriminator": discriminator},
        {"generator": optimizer_g, "discriminator": optimizer_d},
        step,
    )


def dcgan(device: str, channels_last: bool, mixed: bool) -> Reference:
    """DCGAN at 64 pixels."""
    generator, discriminator = models.dcgan_generator(100, 64), models.dcgan_discriminator(64)
    _prepare((generator, discriminator), device, channels_last)
    losses = (_cross_entropy, lambda fake: F.softplus(-fake).mean())
    return _gan(generator, discriminator, (100, 1, 1), losses, (0.5, 0.999), device, mixed)


def sngan(device: str, channels_last: bool, mixed: bool) -> Reference:
    """SNGAN with the CIFAR ResNet."""
    generator = models.ResNetGenerator(128, 256)
    discriminator = models.spectrally_normalized(models.ResNetDiscriminator(128))
    _prepare((generator, discriminator), device, channels_last)
    return _gan(generator, discriminator, (128,), (_hinge, lambda fake: -fake.mean()), (0.0, 0.9), device, mixed)


def biggan(device: str, channels_last: bool, mixed: bool) -> Reference:
    """BigGAN at 32 pixels."""
    generator = models.spectrally_normalized(models.BigGANGenerator(128, 256, 10, 128), exclude="shared_embedding")
    discriminator = models.spectrally_normalized(models.ResNetDiscriminator(256, 10))
    _prepare((generator, discriminator), device, channels_last)
    average = copy.deepcopy(list(generator.parameters()))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=4e-4, betas=(0.0, 0.999))
    autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=mixed)

    def generate(label: Tensor) -> Tensor:
        return generator(torch.randn(len(label), 128, device=device), label)

    def orthogonal() -> Tensor:
        total = torch.zeros((), device=device)
        for name, weight in generator.named_parameters():
            if weight.ndim > 1 and "shared_embedding" not in name:
                matrix = weight.flatten(1)
                gram = matrix @ matrix.T
                total = total + (gram * (1 - torch.eye(len(gram), device=device))).square().sum()
        return total

    def step(batches: list[Batch]) -> None:
        models.moves(discriminator, True)
        for batch in batches:
            with autocast():
                with torch.no_grad():
                    fake = generate(batch["label"])
                loss = _hinge(discriminator(batch["image"], batch["label"]), discriminator(fake, batch["label"]))
            models.update(optimizer_d, loss)
        models.moves(discriminator, False)
        label = batches[0]["label"]
        with autocast():
            loss = -discriminator(generate(label), label).float().mean()
        models.update(optimizer_g, loss + 1e-4 * orthogonal())
        with torch.no_grad():
            torch._foreach_lerp_(average, list(generator.parameters()), 1e-4)

    return Reference(
        {"generator": generator, "discriminator": discriminator},
        {"generator": optimizer_g, "discriminator": optimizer_d},
        step,
    )


class ImagePool:
    """The authors' pool of 50 earlier fakes: each new one is shown, or an old one in its place."""

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def exchange(self, fakes: Tensor) -> Tensor:
        shown = []
        for fake in fakes.detach().split(1):
            if len(self.images) < self.size:
                self.images.append(fake)
            elif random.random() < 0.5:
                slot = random.randrange(self.size)
                self.images[slot], fake = fake, self.images[slot]
            shown.append(fake)
        return torch.cat(shown)


def cyclegan(device: str, channels_last: bool, mixed: bool) -> Reference:
    """CycleGAN at 64 pixels, three residual blocks."""
    generator_ab, generator_ba = models.translator(64, 3), models.translator(64, 3)
    discriminator_a, discriminator_b = models.patch_discriminator(64), models.patch_discriminator(64)
    generators, discriminators = (generator_ab, generator_ba), (discriminator_a, discriminator_b)
    _prepare(generators + discriminators, device, channels_last)
    adam = functools.partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = adam([weight for network in generators for weight in network.parameters()])
    optimizer_d = adam([weight for network in discriminators for weight in network.parameters()])
    pool_a, pool_b = ImagePool(), ImagePool()
    autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=mixed)

    def least_squares(logits: Tensor, target: float) -> Tensor:
        return (logits.float() - target).square().mean()

    def judge(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (least_squares(discriminator(real), 1.0) + least_squares(discriminator(fake), 0.0))

    def step(batches: list[Batch]) -> None:
        (batch,) = batches
        real_a, real_b = batch["a"], batch["b"]
        for discriminator in discriminators:
            models.moves(discriminator, True)
        with autocast():
            fake_b, fake_a = generator_ab(real_a), generator_ba(real_b)
            loss = judge(discriminator_a, real_a, pool_a.exchange(fake_a))
            loss = loss + judge(discriminator_b, real_b, pool_b.exchange(fake_b))
        models.update(optimizer_d, loss)
        for discriminator in discriminators:
            models.moves(discriminator, False)
        with autocast():
            adversarial = least_squares(discriminator_b(fake_b), 1.0) + least_squares(discriminator_a(fake_a), 1.0)
            cycle = F.l1_loss(generator_ba(fake_b).float(), real_a) + F.l1_loss(generator_ab(fake_a).float(), real_b)
            identity = F.l1_loss(generator_ab(real_b).float(), real_b) + F.l1_loss(generator_ba(real_a).float(), real_a)
        models.update(optimizer_g, adversarial + 10.0 * cycle + 5.0 * identity)

    names = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    networks = dict(zip(names, generators + discriminators, strict=True))
    optimizers = {"generator_ab+generator_ba": optimizer_g, "discriminator_a+discriminator_b": optimizer_d}
    return Reference(networks, optimizers, step)


def stylegan2(device: str, channels_last: bool, mixed: bool) -> Reference:
    """StyleGAN2 at 64 pixels, channels cut."""
    networks = torch_stylegan2.Generator(64, 64, 2048, 64, 64), torch_stylegan2.Discriminator(2048, 64, 64)
    return _two_players(torch_stylegan2.Training, networks, device, channels_last, mixed)


def pix2pix(device: str, channels_last: bool, mixed: bool) -> Reference:
    """pix2pix at 256 pixels, a quarter of its width."""
    networks = torch_translation.unet(16, 8), torch_translation.pair_discriminator(16)
    return _two_players(torch_translation.Pix2Pix, networks, device, channels_last, mixed)


def stargan(device: str, channels_last: bool, mixed: bool) -> Reference:
    """StarGAN at 128 pixels, a quarter of its width, two domains."""
    networks = torch_translation.StarGenerator(16, 6, 2), torch_translation.StarDiscriminator(16, 6, 128, 2)
    return _two_players(torch_translation.StarGAN, networks, device, channels_last, mixed)


def _two_players(
    training: type[torch_stylegan2.Training] | type[torch_translation.Pix2Pix] | type[torch_translation.StarGAN],
    networks: tuple[nn.Module, nn.Module],
    device: str,
    channels_last: bool,
    mixed: bool,
) -> Reference:
    """A game of a generator and a discriminator, in the hands of a class that has its steps and optimisers."""
    _prepare(networks, device, channels_last)
    made = training(*networks, device, mixed)
    optimizers = {"generator": made.optimizer_g, "discriminator": made.optimizer_d}
    return Reference(dict(zip(optimizers, networks, strict=True)), optimizers, made)


REFERENCES = {
    "dcgan64": dcgan,
    "sngan32": sngan,
    "biggan32": biggan,
    "stylegan2_64": stylegan2,
    "cyclegan64": cyclegan,
    "pix2pix256": pix2pix,
    "stargan128": stargan,
}


class TorchSide:
    """PyTorch's training of one system, as `benchmarks.speed` runs it.

    Attributes:
        compile_seconds: What the first `run` took where `torch.compile` compiles the networks; None in eager mode.
    """

    compile_seconds: float | None = None

    def __init__(
        self,
        system: str,
        batches: list[dict[str, np.ndarray]],
        device: str,
        dtype: str,
        channels_last: bool,
        compiled: bool = False,
    ) -> None:
        """Makes the networks and takes the NHWC minibatches of a step; `device` is "cpu" or "gpu"."""
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        # As XLA does by default: float32 products in TensorFloat-32 where the card has it.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        self._device = "cuda" if device == "gpu" else "cpu"
        self._reference = REFERENCES[system](self._device, channels_last, dtype == "bfloat16")
        self._compiled = compiled
        if compiled:
            for network in self._reference.networks.values():
                network.compile()
        layout = torch.channels_last if channels_last else torch.contiguous_format

        def tensor(array: np.ndarray) -> Tensor:
            if array.ndim == 1:
                return torch.from_numpy(array).long().to(self._device)
            return torch.from_numpy(array).permute(0, 3, 1, 2).contiguous(memory_format=layout).to(self._device)

        self._batches = [{name: tensor(array) for name, array in batch.items()} for batch in batches]

    def run(self, steps: int) -> None:
        """Trains and waits for the end."""
        start = time.perf_counter()
        for _ in range(steps):
            self._reference.step(self._batches)
        if self._device == "cuda":
            torch.cuda.synchronize()
        if self._compiled and self.compile_seconds is None:
            self.compile_seconds = time.perf_counter() - start

    def parameters(self) -> dict[str, int]:
        """Number of parameters of each player."""
        return {name: sum(p.numel() for p in net.parameters()) for name, net in self._reference.networks.items()}

    def updates(self) -> dict[str, int]:
        """How often each player has been moved so far."""
        counts = {}
        for names, optimizer in self._reference.optimizers.items():
            # A regulariser leaves out what has no part in it, such as the last bias in R1's turns.
            steps = max(int(entry["step"]) for entry in optimizer.state.values())
            counts.update(dict.fromkeys(names.split("+"), steps))
        return counts

    def finite(self) -> bool:
        """Whether all weights are still finite."""
        return all(bool(p.isfinite().all()) for net in self._reference.networks.values() for p in net.parameters())

    def device_memory(self) -> float:
        """The allocator's peak on the card, in MiB."""
        return torch.cuda.max_memory_allocated() / 2**20
