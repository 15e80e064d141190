"""StudioGAN's generator big_resnet."""

from tests.layouts.published.layers import Double, State, attended, biggan_widths, functional, torch


def generator(ch=4, blocks=3, classes=3, shared=5, chunk=2, attention=(1,)):
    """Attention is a block of its own, behind the block of this index."""
    state, widths = State(1), biggan_widths(ch, blocks)
    state.put("shared.weight", classes, shared)
    state.layer("linear0", 16 * widths[0], chunk, norm="torch")
    places, attentions, at = [], {}, 0
    for index in range(blocks):
        before, after = widths[index : index + 2]
        block = f"blocks.{at}.0"
        places.append(block)
        at += 1
        state.layer(f"{block}.conv2d1", after, before, 3, 3, norm="torch")
        state.layer(f"{block}.conv2d2", after, after, 3, 3, norm="torch")
        state.layer(f"{block}.conv2d0", after, before, 1, 1, norm="torch")
        for norm, channels in ((f"{block}.bn1", before), (f"{block}.bn2", after)):
            for part in ("gain", "bias"):
                state.layer(f"{norm}.{part}", channels, shared + chunk, bias=False, norm="torch")
            state.batch_norm(f"{norm}.bn", channels, affine=False)
        if index in attention:
            place = attentions[index] = f"blocks.{at}.0"
            at += 1
            shapes = {
                "theta": (after // 8, after),
                "phi": (after // 8, after),
                "g": (after // 2, after),
                "attn": (after, after // 2),
            }
            for name, shape in shapes.items():
                state.layer(f"{place}.conv1x1_{name}", *shape, 1, 1, bias=False, norm="torch")
            state.put(f"{place}.sigma", 1)
    state.batch_norm("bn4", widths[-1])
    state.layer("conv2d5", 3, widths[-1], 3, 3, norm="torch")

    def run(z, label):
        p = Double(state.tensors)
        chunks = z.chunk(blocks + 1, 1)
        x = p.linear("linear0", chunks[0]).reshape(len(z), -1, 4, 4)

        def conditional(name, x, condition):
            gain, bias = (p.linear(f"{name}.{part}", condition)[:, :, None, None] for part in ("gain", "bias"))
            return torch.relu(p.running(f"{name}.bn", x, 1e-4) * (1 + gain) + bias)

        for index, block in enumerate(places):
            condition = torch.cat([p["shared.weight"][label], chunks[index + 1]], 1)
            double = lambda x: functional.interpolate(x, scale_factor=2, mode="nearest")  # noqa: E731
            h = p.conv(f"{block}.conv2d1", double(conditional(f"{block}.bn1", x, condition)))
            h = p.conv(f"{block}.conv2d2", conditional(f"{block}.bn2", h, condition))
            x = h + p.conv(f"{block}.conv2d0", double(x))
            if index in attentions:
                names = [f"{attentions[index]}.conv1x1_{name}" for name in ("theta", "phi", "g", "attn")]
                x = attended(p, names, f"{attentions[index]}.sigma", x)
        return torch.tanh(p.conv("conv2d5", torch.relu(p.running("bn4", x, 1e-4))))

    return state.tensors, run
