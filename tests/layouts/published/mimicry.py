"""mimicry's generators of residual blocks."""

import itertools

from tests.layouts.published.layers import Double, State, functional, torch


def generator(widths=(6, 5, 4), latent=7, base=4, classes=0):
    state, last = State(2), len(widths) + 1
    state.layer("l1", base * base * widths[0], latent)
    for number, (before, after) in enumerate(itertools.pairwise(widths), start=2):
        block = f"block{number}"
        state.layer(f"{block}.c1", after, before, 3, 3)
        state.layer(f"{block}.c2", after, after, 3, 3)
        state.layer(f"{block}.c_sc", after, before, 1, 1)
        for norm, channels in ((f"{block}.b1", before), (f"{block}.b2", after)):
            if classes:
                state.batch_norm(f"{norm}.bn", channels, affine=False)
                state.put(f"{norm}.embed.weight", classes, 2 * channels, scale=0.5, offset=0.5)
            else:
                state.batch_norm(norm, channels)
    state.batch_norm(f"b{last}", widths[-1])
    state.layer(f"c{last}", 3, widths[-1], 3, 3)

    def run(z, label=None):
        p = Double(state.tensors)
        x = p.linear("l1", z).reshape(len(z), -1, base, base)

        def norm(name, x):
            if not classes:
                return torch.relu(p.running(name, x))
            gain, bias = p[f"{name}.embed.weight"][label][:, :, None, None].chunk(2, 1)
            return torch.relu(gain * p.running(f"{name}.bn", x) + bias)

        def double(x):
            return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

        for number in range(2, last):
            block = f"block{number}"
            h = p.conv(f"{block}.c1", double(norm(f"{block}.b1", x)))
            h = p.conv(f"{block}.c2", norm(f"{block}.b2", h))
            x = h + p.conv(f"{block}.c_sc", double(x))
        return torch.tanh(p.conv(f"c{last}", torch.relu(p.running(f"b{last}", x))))

    return state.tensors, run
