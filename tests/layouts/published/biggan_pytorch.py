"""BigGAN-PyTorch's generator."""

from tests.layouts.published.layers import Double, State, attended, biggan_widths, functional, torch


def generator(ch=4, blocks=3, classes=3, shared=5, chunk=2, attention=(1,), spectral="u0", inner="", hier=True):
    """`inner` is "bn." where the norms are synchronised ones, that keep the statistics one level deeper."""
    state, widths = State(), biggan_widths(ch, blocks)
    if shared:
        state.put("shared.weight", classes, shared)
    state.layer("linear", 16 * widths[0], chunk, norm=spectral)
    told = shared + (chunk if hier else 0)
    for index in range(blocks):
        before, after = widths[index : index + 2]
        block = f"blocks.{index}.0"
        state.layer(f"{block}.conv1", after, before, 3, 3, norm=spectral)
        state.layer(f"{block}.conv2", after, after, 3, 3, norm=spectral)
        state.layer(f"{block}.conv_sc", after, before, 1, 1, norm=spectral)
        for norm, channels in ((f"{block}.bn1", before), (f"{block}.bn2", after)):
            for part in ("gain", "bias"):
                if shared:
                    state.layer(f"{norm}.{part}", channels, told, bias=False, norm=spectral)
                else:
                    state.put(f"{norm}.{part}.weight", classes, channels, scale=0.3)
            state.statistics(channels, f"{norm}.{inner}stored_mean", f"{norm}.{inner}stored_var")
        if index in attention:
            shapes = {
                "theta": (after // 8, after),
                "phi": (after // 8, after),
                "g": (after // 2, after),
                "o": (after, after // 2),
            }
            for name, shape in shapes.items():
                state.layer(f"blocks.{index}.1.{name}", *shape, 1, 1, bias=False, norm=spectral)
            state.put(f"blocks.{index}.1.gamma")
    state.put("output_layer.0.gain", widths[-1], scale=0.2, offset=1.0)
    state.put("output_layer.0.bias", widths[-1], scale=0.3)
    state.statistics(widths[-1], f"output_layer.0.{inner}stored_mean", f"output_layer.0.{inner}stored_var")
    state.layer("output_layer.2", 3, widths[-1], 3, 3, norm=spectral)

    def run(z, label):
        p = Double(state.tensors)
        chunks = list(z.chunk(blocks + 1, 1)) if hier else [z] + [z[:, :0]] * blocks
        embedded = p["shared.weight"][label] if shared else None
        x = p.linear("linear", chunks[0]).reshape(len(z), -1, 4, 4)

        def conditional(name, x, condition):
            if shared:
                gain, bias = (p.linear(f"{name}.{part}", condition) for part in ("gain", "bias"))
            else:
                gain, bias = (p[f"{name}.{part}.weight"][label] for part in ("gain", "bias"))
            y = p.norm(x, f"{name}.{inner}stored_mean", f"{name}.{inner}stored_var")
            return torch.relu(y * (1 + gain)[:, :, None, None] + bias[:, :, None, None])

        for index in range(blocks):
            block = f"blocks.{index}.0"
            condition = torch.cat([embedded, chunks[index + 1]], 1) if shared else None
            double = lambda x: functional.interpolate(x, scale_factor=2)  # noqa: E731
            h = p.conv(f"{block}.conv1", double(conditional(f"{block}.bn1", x, condition)))
            h = p.conv(f"{block}.conv2", conditional(f"{block}.bn2", h, condition))
            x = h + p.conv(f"{block}.conv_sc", double(x))
            if index in attention:
                place = f"blocks.{index}.1"
                x = attended(p, [f"{place}.{name}" for name in ("theta", "phi", "g", "o")], f"{place}.gamma", x)
        last = "output_layer.0"
        x = p.norm(x, f"{last}.{inner}stored_mean", f"{last}.{inner}stored_var", p[f"{last}.gain"], p[f"{last}.bias"])
        return torch.tanh(p.conv("output_layer.2", torch.relu(x)))

    return state.tensors, run
