"""StyleGAN2 in PyTorch for the speed benchmark, of plain operations: layer for layer `jaxgan.networks`' configuration F.

The modulated convolution scales maps before and after one convolution for all samples, as the authors' PyTorch program does in
training; the low-pass filter is a depthwise convolution. Weights are multiplied by their gain when they are used.
"""

import copy
import functools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _filter_taps() -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return taps[:, None] * taps[None]


class Filtered(nn.Module):
    """A layer with the low-pass filter [1, 3, 3, 1] in both directions."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taps", _filter_taps(), persistent=False)

    def filter(self, x: Tensor, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
        """The filter on a map that `padding` zeros surround, at every `stride`-th pixel."""
        kernel = (gain * self.taps).to(x.dtype).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(x, kernel, padding=padding, stride=stride, groups=x.shape[1])

    def upsample(self, x: Tensor) -> Tensor:
        """Zeros between pixels, then the filter."""
        kernel = (4 * self.taps).to(x.dtype).expand(x.shape[1], 1, 4, 4)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Linear(nn.Module):
    """A dense layer with an equalised learning rate, and another rate for all of it."""

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.rate, self.gain = rate, rate / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


def rectified(x: Tensor) -> Tensor:
    """sqrt(2) LeakyReLU 0.2."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


class ModulatedConv(Filtered):
    """A convolution that styles scale: maps (B, C, H, W) and styles (B, D)."""

    def __init__(self, inputs: int, outputs: int, style: int, size: int = 3, demodulate: bool = True, up: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.gain, self.demodulate, self.up = 1 / math.sqrt(inputs * size**2), demodulate, up
        self.style = Linear(style, inputs, bias=1.0)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        weight, style = self.weight * self.gain, self.style(w)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            x = self.filter(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, gain=4.0)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            norms = style.square() @ weight.square().sum((2, 3)).T
            x = x * torch.rsqrt(norms + 1e-8)[:, :, None, None].to(x.dtype)
        return x


class StyledLayer(nn.Module):
    """A modulated convolution, noise for each pixel, bias, LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, style: int, up: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConv(inputs, outputs, style, up=up)
        self.strength, self.bias = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.convolution(x, w)
        noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device, dtype=x.dtype)
        return rectified(x + self.strength * noise + self.bias[:, None, None])


class ToRGB(nn.Module):
    """The image of a map."""

    def __init__(self, inputs: int, style: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv(inputs, 3, style, size=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return (self.convolution(x, w) + self.bias[:, None, None]).float()


def widths(base: int, largest: int, side: int) -> dict[int, int]:
    """Channels by size of the map, from 4 on."""
    sizes = [4 * 2**index for index in range(side.bit_length() - 2)]
    return {size: min(2 * base // size, largest) for size in sizes}


class Generator(Filtered):
    """z (B, latent) -> images (B, 3, side, side), with the structure "skip"."""

    def __init__(self, latent: int, style: int, base: int, largest: int, side: int) -> None:
        super().__init__()
        channels = widths(base, largest, side)
        self.mapping = nn.ModuleList([Linear(latent if not index else style, style, rate=0.01) for index in range(8)])
        self.constant = nn.Parameter(torch.randn(channels[4], 4, 4))
        self.slots = 2 * len(channels)
        self.up, self.same, self.to_rgb = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for size, width in channels.items():
            if size > 4:
                self.up.append(StyledLayer(channels[size // 2], width, style, up=True))
            self.same.append(StyledLayer(width, width, style))
            self.to_rgb.append(ToRGB(width, style))

    def map(self, z: Tensor) -> Tensor:
        """z (B, latent) to w (B, style)."""
        h = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            h = rectified(layer(h))
        return h

    def forward(self, styles: Tensor) -> Tensor:
        """Styles (B, slots, style) to images."""
        w = styles.unbind(1)
        x = self.same[0](self.constant.expand(len(styles), -1, -1, -1), w[0])
        image = self.to_rgb[0](x, w[1])
        for index, up in enumerate(self.up, start=1):
            x = self.same[index](up(x, w[2 * index - 1]), w[2 * index])
            image = self.upsample(image) + self.to_rgb[index](x, w[2 * index + 1])
        return image


class Conv(nn.Module):
    """A convolution with an equalised learning rate, bias and LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(outputs, inputs, size, size)), nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(inputs * size**2)

    def forward(self, x: Tensor) -> Tensor:
        return rectified(F.conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[-1] // 2))


class ResidualLevel(Filtered):
    """Two convolutions, the second one halving the map, beside a filtered 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.same = Conv(inputs, inputs, 3)
        self.down, self.bias = nn.Parameter(torch.randn(outputs, inputs, 3, 3)), nn.Parameter(torch.zeros(outputs))
        self.skip = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.inputs = inputs

    def forward(self, x: Tensor) -> Tensor:
        down, skip = self.down / math.sqrt(9 * self.inputs), self.skip / math.sqrt(self.inputs)
        h = rectified(F.conv2d(self.filter(self.same(x), 2), down, self.bias, stride=2))
        return (h + F.conv2d(self.filter(x, 1, stride=2), skip)) / math.sqrt(2)


class Discriminator(nn.Module):
    """Images (B, 3, side, side) -> logits (B,), residual, with the minibatch standard deviation of groups of four."""

    def __init__(self, base: int, largest: int, side: int) -> None:
        super().__init__()
        channels = widths(base, largest, side)
        self.read = Conv(3, channels[side], 1)
        sizes = sorted(channels, reverse=True)[:-1]
        self.levels = nn.Sequential(*[ResidualLevel(channels[size], channels[size // 2]) for size in sizes])
        self.last = Conv(channels[4] + 1, channels[4], 3)
        self.dense, self.score = Linear(16 * channels[4], channels[4]), Linear(channels[4], 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.levels(self.read(x)).float()
        deviation = (h.unflatten(0, (-1, 4)).var(1, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        h = torch.cat([h, deviation.repeat_interleave(4)[:, None, None, None].expand(-1, 1, *h.shape[2:])], 1)
        return self.score(rectified(self.dense(self.last(h).flatten(1))))[:, 0]


class Training:
    """A step: both adversarial turns, R1 every 16 steps and path length regularisation every 4, on half of the minibatch."""

    def __init__(self, generator: Generator, discriminator: Discriminator, device: str, mixed: bool) -> None:
        self.generator, self.discriminator, self.device = generator, discriminator, device
        adam = functools.partial(torch.optim.Adam, lr=2e-3, betas=(0.0, 0.999))
        self.optimizer_g, self.optimizer_d = adam(generator.parameters()), adam(discriminator.parameters())
        self.average = copy.deepcopy(list(generator.parameters()))
        self.w_mean = torch.zeros(generator.mapping[0].weight.shape[0], device=device)
        self.length_mean = torch.zeros((), device=device)
        self.autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=mixed)
        self.steps = 0

    def styles(self, number: int) -> Tensor:
        """Of latents, nine of ten mixed; their mean goes into the moving one."""
        latent = self.generator.mapping[0].weight.shape[1]
        w, other = (self.generator.map(torch.randn(number, latent, device=self.device)) for _ in range(2))
        self.w_mean.lerp_(w.detach().mean(0), 0.005)
        slots = self.generator.slots
        first = torch.randint(1, slots, (number,), device=self.device)
        first = torch.where(torch.rand(number, device=self.device) < 0.9, first, slots)
        second = torch.arange(slots, device=self.device)[None] >= first[:, None]
        return torch.where(second[:, :, None], other[:, None], w[:, None])

    def update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step of an optimiser."""
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def __call__(self, batches: list[dict[str, Tensor]]) -> None:
        """Plays one step."""
        (batch,) = batches
        real = batch["image"]
        self.discriminator.requires_grad_(True)
        with self.autocast():
            with torch.no_grad():
                fake = self.generator(self.styles(len(real)))
            loss = F.softplus(-self.discriminator(real)).mean() + F.softplus(self.discriminator(fake)).mean()
        self.update(self.optimizer_d, loss)
        self.discriminator.requires_grad_(False)
        with self.autocast():
            loss = F.softplus(-self.discriminator(self.generator(self.styles(len(real))))).mean()
        self.update(self.optimizer_g, loss)
        self.discriminator.requires_grad_(True)
        if self.steps % 16 == 0:
            self.update(self.optimizer_d, 16 * 10 / 2 * self.gradient_norm(real))
        if self.steps % 4 == 0:
            self.update(self.optimizer_g, 4 * 2 * self.path_length(len(real) // 2))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.generator.parameters()), 1e-3)
        self.steps += 1

    def gradient_norm(self, real: Tensor) -> Tensor:
        """E[|| grad D ||^2] at the reals."""
        real = real.detach().requires_grad_(True)
        with self.autocast():
            score = self.discriminator(real).sum()
        (gradient,) = torch.autograd.grad(score, real, create_graph=True)
        return gradient.square().sum((1, 2, 3)).mean()

    def path_length(self, number: int) -> Tensor:
        """E[(|| J' y || - a)^2]."""
        with self.autocast():
            styles = self.styles(number)
            image = self.generator(styles)
            noise = torch.randn_like(image) / math.sqrt(image.shape[2] * image.shape[3])
            (gradient,) = torch.autograd.grad((image * noise).sum(), styles, create_graph=True)
        lengths = (gradient.square().sum(2).mean(1) + 1e-12).sqrt()
        self.length_mean.lerp_(lengths.detach().mean(), 0.01)
        return (lengths - self.length_mean).square().mean()
