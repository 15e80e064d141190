"""What published generators are made of: tensors with random numbers, and layers that read them.

Each of the files beside this one holds a program's generator: a state dict and a function of it in PyTorch, written from what
the program's layers are called and how they are joined. All are in evaluation mode: batch norm by the statistics in the file,
spectral norm as it is then.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
functional = torch.nn.functional


class State:
    """Fills a state dict with random tensors."""

    def __init__(self, seed=0):
        self.rng, self.tensors = np.random.default_rng(seed), {}

    def put(self, name, *shape, scale=1.0, offset=0.0):
        self.tensors[name] = torch.tensor(np.float32(offset + scale * self.rng.standard_normal(shape)))

    def layer(self, name, *shape, bias=True, norm="", outputs=None):
        fan_in = int(np.prod(shape[1:]))
        weight = "weight_orig" if norm == "torch" else "weight"
        self.put(f"{name}.{weight}", *shape, scale=fan_in**-0.5)
        if bias:
            self.put(f"{name}.bias", outputs or shape[0], scale=0.3)
        if norm == "u0":  # BigGAN-PyTorch
            self.put(f"{name}.u0", 1, shape[0])
            self.put(f"{name}.sv0", 1, offset=1.0)
        if norm == "torch":
            for vector, length in (("u", shape[0]), ("v", fan_in)):
                self.put(f"{name}.weight_{vector}", length)
                self.tensors[f"{name}.weight_{vector}"] /= self.tensors[f"{name}.weight_{vector}"].norm()

    def statistics(self, channels, mean, variance):
        self.put(mean, channels, scale=0.3)
        self.tensors[variance] = torch.tensor(np.float32(self.rng.uniform(0.5, 2.0, channels)))

    def batch_norm(self, name, channels, affine=True):
        if affine:
            self.put(f"{name}.weight", channels, scale=0.2, offset=1.0)
            self.put(f"{name}.bias", channels, scale=0.3)
        self.statistics(channels, f"{name}.running_mean", f"{name}.running_var")
        self.tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)


class Double(dict):
    """The tensors in double precision."""

    def __init__(self, tensors):
        super().__init__({name: tensor.double() for name, tensor in tensors.items()})

    def weight(self, name):
        if f"{name}.weight_orig" in self:
            weight = self[f"{name}.weight_orig"]
            return weight / (self[f"{name}.weight_u"] @ weight.reshape(len(weight), -1) @ self[f"{name}.weight_v"])
        weight = self[f"{name}.weight"]
        if f"{name}.u0" in self:
            matrix = weight.reshape(len(weight), -1)
            v = functional.normalize(self[f"{name}.u0"] @ matrix)
            u = functional.normalize(v @ matrix.T)
            weight = weight / (v @ matrix.T @ u.T).squeeze()
        return weight

    def conv(self, name, x):
        weight = self.weight(name)
        return functional.conv2d(x, weight, self.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def linear(self, name, x):
        return functional.linear(x, self.weight(name), self.get(f"{name}.bias"))

    def norm(self, x, mean, variance, weight=None, bias=None, epsilon=1e-5):
        return functional.batch_norm(x, self[mean], self[variance], weight, bias, False, eps=epsilon)

    def running(self, name, x, epsilon=1e-5):
        affine = self.get(f"{name}.weight"), self.get(f"{name}.bias")
        return self.norm(x, f"{name}.running_mean", f"{name}.running_var", *affine, epsilon=epsilon)


def attended(p, names, gamma, x):
    query, key, value = (p.conv(name, x) for name in names[:3])
    key, value = functional.max_pool2d(key, 2), functional.max_pool2d(value, 2)
    batch, channels, height, width = x.shape
    weights = torch.softmax(torch.bmm(query.flatten(2).transpose(1, 2), key.flatten(2)), -1)
    looked = torch.bmm(value.flatten(2), weights.transpose(1, 2)).reshape(batch, channels // 2, height, width)
    return p[gamma] * p.conv(names[3], looked) + x


def biggan_widths(ch, blocks):
    return [ch * each for each in {3: (4, 4, 4, 4), 4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1)}[blocks]]
