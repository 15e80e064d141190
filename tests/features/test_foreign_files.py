"""Pickles written by hand: the forms of old files are read; of those that mean harm, nothing runs."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from jaxgan.features import weights
from jaxgan.features.foreign_files import WeightsError, read_torch


def as_zip(payload, path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3\n")
    return path


def as_legacy(payload, path):
    start = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in start) + payload)
    return path


def word(text):
    return b"X" + struct.pack("<I", len(text)) + text


def numbers(values):
    return pickle.dumps(values, protocol=2)[2:-1]


@pytest.mark.parametrize("form", ["function", "class", "parameter"])
def test_files_of_2017(tmp_path, form):
    """As PyTorch 0.1 wrote them: by torch._utils._rebuild_tensor, or by the classes themselves and their state."""
    expected = np.random.default_rng(0).random((2, 3), np.float32)
    storage = (
        b"(" + word(b"storage") + b"ctorch.cuda\nFloatStorage\n" + word(b"1") + word(b"cuda:0") + numbers(6) + b"NtQ"
    )
    parts = b"(" + storage + numbers(0) + numbers((2, 3)) + numbers((3, 1)) + b"t"
    tensor = b"ctorch.cuda\nFloatTensor\n)R" + parts + b"b"
    forms = {
        "function": b"ctorch._utils\n_rebuild_tensor\n" + parts + b"R",
        "class": tensor,
        "parameter": b"ctorch.nn.parameter\nParameter\n(" + tensor + b"tR(\x88\x89Ntb",
    }
    state = b"\x80\x02}" + word(b"x") + forms[form] + b"s."
    raw = struct.pack("<q", 6) + expected.tobytes()
    found = read_torch(as_legacy(state + pickle.dumps(["1"], protocol=2) + raw, tmp_path / "x.pth"))
    np.testing.assert_array_equal(found["x"], expected)


class Hostile:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("container", [as_zip, as_legacy])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickles_do_not_run(tmp_path, container, protocol):
    marker = tmp_path / "it ran"
    payload = pickle.dumps({"lin4.model.1.weight": Hostile(os.mkdir, (str(marker),))}, protocol=protocol)
    # The payload is live ammunition.
    pickle.loads(payload)
    assert marker.exists()
    marker.rmdir()
    with pytest.raises(WeightsError, match=r"names \w+\.mkdir, which no file of weights needs"):
        weights.convert(container(payload, tmp_path / "x.pth"), verify=False)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"builtins\neval",
        b"torch\nload",
        b"torch\nserialization.os.system",
        b"torch\nTensor",
        b"os\nsystem",
    ],
)
def test_only_the_names_of_tensors_are_known(tmp_path, name):
    payload = b"c" + name + b"\n(S'1'\ntR."
    with pytest.raises(WeightsError, match="Do not trust this file"):
        read_torch(as_zip(payload, tmp_path / "x.pth"))


@pytest.mark.parametrize(
    ("count", "offset", "shape", "strides"),
    [
        (4, 0, (10**15,), (0,)),
        (4, 0, (2, 2), (8, 1)),
        (4, 3, (2,), (1,)),
        (4, -1, (2,), (1,)),
        (4, 0, (-2,), (1,)),
        (4, 0, (2,), ()),
    ],
)
def test_tensors_beyond_their_storage_are_refused(tmp_path, count, offset, shape, strides):
    identity = b"(" + word(b"storage") + b"ctorch\nFloatStorage\n" + word(b"0") + word(b"cpu") + numbers(count) + b"tQ"
    arguments = b"(" + identity + numbers(offset) + numbers(shape) + numbers(strides) + b"t"
    payload = b"\x80\x02}" + word(b"x") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."
    path = as_zip(payload, tmp_path / "x.pth")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/0", np.zeros(count, np.float32).tobytes())
    with pytest.raises(WeightsError, match="a tensor"):
        read_torch(path)
