"""pix2pix and StarGAN for the speed benchmark in PyTorch, as its users write them: networks and turns of `jaxgan.gans`.

Maps are NCHW. Initial values are PyTorch's own: they do not change the work.
"""

import functools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.torch_models import moves, update

Batch = Mapping[str, Tensor]


# ---- pix2pix


class UNetLevel(nn.Module):
    """One level of the U-Net: halves the map, hands it to the level within, doubles it and puts it beside its input.

    Args:
        outside: Channels of the map that it is given.
        width: Channels of the halved map.
        within: The next level; None for the innermost.
        to_image: Channels of the image, of the outermost level alone.
        drops: Whether the doubled map has dropout.
    """

    def __init__(
        self, outside: int, width: int, within: nn.Module | None, to_image: int = 0, drops: bool = False
    ) -> None:
        super().__init__()
        down: list[nn.Module] = [] if to_image else [nn.LeakyReLU(0.2)]
        down += [nn.Conv2d(outside, width, 4, 2, 1, bias=False)]
        if within is not None and not to_image:
            down += [nn.BatchNorm2d(width)]
        inside = width if within is None else 2 * width
        up: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(inside, to_image or outside, 4, 2, 1, bias=bool(to_image))]
        up += [nn.Tanh()] if to_image else [nn.BatchNorm2d(outside)]
        up += [nn.Dropout(0.5)] if drops else []
        self.down, self.within, self.up = nn.Sequential(*down), within, nn.Sequential(*up)
        self.outermost = bool(to_image)

    def forward(self, x: Tensor) -> Tensor:
        halved = self.down(x)
        doubled = self.up(halved if self.within is None else self.within(halved))
        return doubled if self.outermost else torch.cat([doubled, x], dim=1)


def unet(width: int, levels: int) -> nn.Module:
    """The generator of pix2pix: images (B, 3, H, W) -> images (B, 3, H, W)."""
    widths = [width * min(2**index, 8) for index in range(levels)]
    within: nn.Module | None = None
    for index in reversed(range(1, levels)):
        within = UNetLevel(widths[index - 1], widths[index], within, drops=index > levels - 4)
    return UNetLevel(3, widths[0], within, to_image=3)


def pair_discriminator(width: int) -> nn.Module:
    """The 70x70 PatchGAN of pairs, with batch norm: (B, 6, H, W) -> a map of logits (B, 1, H', W')."""
    layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for inputs, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [nn.Conv2d(inputs, 2 * inputs, 4, stride, 1, bias=False), nn.BatchNorm2d(2 * inputs)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class Pix2Pix:
    """A discriminator turn and one of the generator, which answers for the very images that were judged."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, device: str, mixed: bool) -> None:
        self.generator, self.discriminator = generator, discriminator
        adam = functools.partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
        self.optimizer_g, self.optimizer_d = adam(generator.parameters()), adam(discriminator.parameters())
        self._autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=mixed)

    def __call__(self, batches: list[Batch]) -> None:
        (batch,) = batches
        x, y = batch["a"], batch["b"]
        judge = lambda image: self.discriminator(torch.cat([x, image], dim=1)).float()  # noqa: E731
        moves(self.discriminator, True)
        with self._autocast():
            fake = self.generator(x)
            loss = 0.5 * (F.softplus(-judge(y)).mean() + F.softplus(judge(fake.detach())).mean())
        update(self.optimizer_d, loss)
        moves(self.discriminator, False)
        with self._autocast():
            loss = F.softplus(-judge(fake)).mean() + 100.0 * F.l1_loss(fake.float(), y)
        update(self.optimizer_g, loss)


# ---- StarGAN


class StarBlock(nn.Module):
    """3x3, instance norm, ReLU, 3x3, instance norm, added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        conv = functools.partial(nn.Conv2d, width, width, 3, padding=1, bias=False)
        norm = functools.partial(nn.InstanceNorm2d, width, affine=True)
        self.layers = nn.Sequential(conv(), norm(), nn.ReLU(inplace=True), conv(), norm())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class StarGenerator(nn.Module):
    """StarGAN's generator: images (B, 3, H, W), conditions (B, K) -> images (B, 3, H, W)."""

    def __init__(self, width: int, blocks: int, labels: int) -> None:
        super().__init__()
        norm = functools.partial(nn.InstanceNorm2d, affine=True)
        layers: list[nn.Module] = [nn.Conv2d(3 + labels, width, 7, padding=3, bias=False), norm(width), nn.ReLU()]
        for inputs in (width, 2 * width):
            layers += [nn.Conv2d(inputs, 2 * inputs, 4, 2, 1, bias=False), norm(2 * inputs), nn.ReLU()]
        layers += [StarBlock(4 * width) for _ in range(blocks)]
        for inputs in (4 * width, 2 * width):
            layers += [nn.ConvTranspose2d(inputs, inputs // 2, 4, 2, 1, bias=False), norm(inputs // 2), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 3, 7, padding=3, bias=False), nn.Tanh())

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        planes = condition[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.layers(torch.cat([x, planes], dim=1))


class StarDiscriminator(nn.Module):
    """StarGAN's discriminator: images (B, 3, side, side) -> a map of scores and class logits (B, K)."""

    def __init__(self, width: int, depth: int, side: int, labels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(depth):
            inputs = 3 if index == 0 else width * 2 ** (index - 1)
            layers += [nn.Conv2d(inputs, width * 2**index, 4, 2, 1), nn.LeakyReLU(0.01)]
        self.layers = nn.Sequential(*layers)
        last = width * 2 ** (depth - 1)
        self.score = nn.Conv2d(last, 1, 3, padding=1, bias=False)
        self.classes = nn.Conv2d(last, labels, side // 2**depth, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(x)
        return self.score(x), self.classes(x).flatten(1)


class StarGAN:
    """Discriminator turns on a minibatch each, by WGAN-GP and classes, and a turn of the generator on the first one."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, device: str, mixed: bool) -> None:
        self.generator, self.discriminator = generator, discriminator
        adam = functools.partial(torch.optim.Adam, lr=1e-4, betas=(0.5, 0.999))
        self.optimizer_g, self.optimizer_d = adam(generator.parameters()), adam(discriminator.parameters())
        self._autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=mixed)

    def _drawn(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Images of all domains, where they are from, and where each goes to, one-hot."""
        x = torch.cat([batch["a"], batch["b"]])
        origin = torch.eye(2, device=x.device).repeat_interleave(len(batch["a"]), dim=0)
        return x, origin, origin[torch.randperm(len(x), device=x.device)]

    def _penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        with self._autocast():
            score = self.discriminator(between)[0].float().mean(dim=(1, 2, 3)).sum()
        (slope,) = torch.autograd.grad(score, between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    def __call__(self, batches: list[Batch]) -> None:
        moves(self.discriminator, True)
        for batch in batches:
            x, origin, target = self._drawn(batch)
            with self._autocast():
                with torch.no_grad():
                    fake = self.generator(x, target)
                (real_score, classes), (fake_score, _) = self.discriminator(x), self.discriminator(fake)
                loss = fake_score.float().mean() - real_score.float().mean() + F.cross_entropy(classes.float(), origin)
            update(self.optimizer_d, loss + 10.0 * self._penalty(x, fake.float()))
        moves(self.discriminator, False)
        x, origin, target = self._drawn(batches[0])
        with self._autocast():
            fake = self.generator(x, target)
            score, classes = self.discriminator(fake)
            back = F.l1_loss(self.generator(fake, origin).float(), x)
            loss = F.cross_entropy(classes.float(), target) - score.float().mean() + 10.0 * back
        update(self.optimizer_g, loss)
