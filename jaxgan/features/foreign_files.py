"""Reads the files that published weights come in, as data: PyTorch's `.pth` and TensorFlow's frozen graphs, without either.

A `.pth` is a pickle beside raw arrays. The pickle is read by an unpickler that knows the names with which PyTorch rebuilds
tensors, each bound to a function of this file, and refuses every other, so that no code of the file or of its author runs.
"""

import collections
import math
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError


class WeightsError(UserError):
    """Weights that are missing or cannot be used: the message is one line naming the file, what is wrong, and the cure."""


# ---------------------------------------------------------------------------------------------------------------------
# PyTorch

_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
# What a legacy file starts with: this number, pickled by protocol 2; then its version, pickled.
_LEGACY_MAGIC, _LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
_LEGACY_START = pickle.dumps(_LEGACY_MAGIC, protocol=2)


class _Storage(NamedTuple):
    """What a pickle says of a raw array that lies beside it."""

    key: str
    dtype: np.dtype
    length: int


class _Tensor(NamedTuple):
    """What a pickle says of a tensor: a strided view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a PyTorch state dict, in the zip format of PyTorch 1.6 and later or in the one before.

    Args:
        path: What `torch.save(module.state_dict(), path)` wrote, or a dict that holds such a dict as "state_dict" or
            "model_state_dict".

    Returns:
        Arrays of the file's own dtypes by name; what is no tensor is left out.

    Raises:
        WeightsError: The file is damaged, cut short, of another format, or names anything but tensors.
    """
    with path.open("rb") as file:
        start = file.read(len(_LEGACY_START))
    if start[:2] == b"PK":
        reader: Callable[[Path], dict[str, np.ndarray]] = _read_zip
    elif start == _LEGACY_START:
        reader = _read_legacy
    else:
        raise WeightsError(
            f"{path}: no file of torch.save; was a web page saved, or did a download stop? Download it again"
        )
    try:
        return reader(path)
    except WeightsError:
        raise
    # A pickle can be wrong in every way there is.
    except Exception as error:
        raise WeightsError(f"{path}: damaged or cut short ({_one_line(error)}); download it again") from error


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            # So no part of it is larger in memory than it is on disk.
            raise WeightsError(f"{path}: its parts are packed, which torch.save does not do; it is not read")
        members = set(archive.namelist())
        pickles = [name for name in members if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise WeightsError(f"{path}: a zip archive, but not of torch.save: it holds {len(pickles)} files data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}constants.pkl" in members:
            raise WeightsError(f"{path}: a TorchScript program; only state dicts are read: take the .pth file instead")
        if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != b"little":
            raise WeightsError(f"{path}: written on a big-endian machine, which is not read")
        with archive.open(pickles[0]) as file:
            tensors = _tensors(_Unpickler(file, path).load())
        arrays: dict[str, np.ndarray] = {}
        for storage in {tensor.storage for tensor in tensors.values()}:
            member, size = f"{folder}data/{storage.key}", storage.length * storage.dtype.itemsize
            if archive.getinfo(member).file_size != size:
                raise WeightsError(f"{path}: {member} is not of {size} bytes; download the file again")
            arrays[storage.key] = np.frombuffer(archive.read(member), storage.dtype)
    return {name: _view(tensor, arrays[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_legacy(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        # Five pickles (the number, the version, the machine, the object, the order of its storages), then the arrays.
        _, version, machine, state, order = (_Unpickler(file, path).load() for _ in range(5))
        if version != _LEGACY_VERSION or not machine.get("little_endian", False):
            raise WeightsError(
                f"{path}: written by version {version!r} of the format or a big-endian machine; not read"
            )
        tensors = _tensors(state)
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        arrays: dict[str, np.ndarray] = {}
        for key in order:
            # Each array: its count as int64, and the numbers.
            (count,) = struct.unpack("<q", file.read(8))
            storage = storages.get(key)
            if storage is None or storage.length != count:
                raise WeightsError(f"{path}: storage {key!r} of {count} numbers belongs to no tensor; it is not read")
            raw = file.read(count * storage.dtype.itemsize)
            if len(raw) != count * storage.dtype.itemsize:
                raise WeightsError(f"{path}: cut short; download it again")
            arrays[key] = np.frombuffer(raw, storage.dtype)
    return {name: _view(tensor, arrays[tensor.storage.key]) for name, tensor in tensors.items()}


class _OldTensor:
    """A tensor made empty and then given its state, or a parameter made around a tensor; `tensor` is a `_Tensor` or one."""

    def __init__(self, tensor: Any = None, *_: Any):
        self.tensor = tensor

    def __setstate__(self, state: Any) -> None:
        if self.tensor is None:
            self.tensor = _rebuild_tensor(*state)


class _Unpickler(pickle.Unpickler):
    """Builds dicts, tuples, numbers, strings and `_Tensor`s; refuses every name but those that PyTorch gives tensors."""

    def __init__(self, file: IO[bytes], path: Path):
        super().__init__(file)
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """What a global name of the pickle stands for: never the thing itself, save OrderedDict, which only holds data."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        # A new function each time: a pickle may set attributes on what it is given.
        if (module, name) in (("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor")):
            return lambda *arguments: _rebuild_tensor(*arguments)
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda data, *_: data
        # Its name alone, for a pickle may change what it is given: a dtype of NumPy for the whole process.
        if module in ("torch", "torch.cuda") and name in _DTYPES:
            return name
        # The classes themselves stand in files of 2017, VGG16's time.
        old_tensor = module in ("torch", "torch.cuda") and name.replace("Tensor", "Storage") in _DTYPES
        if old_tensor or (module, name) == ("torch.nn.parameter", "Parameter"):
            return _OldTensor
        raise WeightsError(
            f"{self.path}: it names {module}.{name}, which no file of weights needs; nothing was run. Do not trust this file"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that ("storage", type, key, device, count), and in legacy files None, stands for."""
        kind, name, key, _, count, *view = pid
        dtype = _DTYPES.get(name)
        if kind != "storage" or dtype is None or not isinstance(key, str) or any(view):
            raise pickle.UnpicklingError("an unknown kind of storage")
        if not isinstance(count, int) or count < 0:
            raise pickle.UnpicklingError("a storage without a size")
        return _Storage(key, dtype, count)


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """Stands for torch._utils._rebuild_tensor_v2; the view must lie within its storage and be no larger."""
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise pickle.UnpicklingError("a tensor of no storage or of negative sizes")
    if len(shape) != len(strides) or math.prod(shape) > storage.length:
        raise pickle.UnpicklingError("a tensor larger than its storage")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.length:
        raise pickle.UnpicklingError("a tensor beyond its storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _tensors(state: Any) -> dict[str, _Tensor]:
    tensors = {}
    for name, value in state.get("state_dict", state.get("model_state_dict", state)).items():
        while isinstance(value, _OldTensor):
            value = value.tensor
        if isinstance(value, _Tensor):
            tensors[str(name)] = value
    return tensors


def _view(tensor: _Tensor, array: np.ndarray) -> np.ndarray:
    strides = [stride * array.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(array[tensor.offset :], tensor.shape, strides, writeable=False)


# ---------------------------------------------------------------------------------------------------------------------
# TensorFlow


def read_graph(path: Path) -> dict[str, np.ndarray]:
    """The float32 constants of a frozen TensorFlow GraphDef, by node name.

    Raises:
        WeightsError: The file is damaged, cut short, or no GraphDef.
    """
    try:
        constants = {}
        # GraphDef: node = 1; NodeDef: name = 1, op = 2, attr = 5, a map of key = 1 and value = 2; AttrValue: tensor = 8
        for node in _submessages(memoryview(path.read_bytes()), 1):
            fields = list(_fields(node))
            name, op = (next((bytes(value) for number, value in fields if number == wanted), b"") for wanted in (1, 2))
            if op != b"Const":
                continue
            for attribute in _submessages(node, 5):
                entry = dict(_fields(attribute))
                if bytes(entry[1]) == b"value":
                    for tensor in _submessages(entry[2], 8):
                        array = _float_tensor(tensor)
                        if array is not None:
                            constants[name.decode()] = array
    except Exception as error:
        raise WeightsError(f"{path}: no whole TensorFlow graph ({_one_line(error)}); download it again") from error
    if not constants:
        raise WeightsError(f"{path}: a TensorFlow graph without float constants; is it frozen?")
    return constants


def _float_tensor(tensor: memoryview) -> np.ndarray | None:
    """A TensorProto as an array; None where it is not float32."""
    # TensorProto: dtype = 1 (1 is float), tensor_shape = 2, tensor_content = 4, float_val = 5, packed or one by one
    fields = list(_fields(tensor))
    if (1, 1) not in fields:
        return None
    # TensorShapeProto: dim = 2; Dim: size = 1, left out when it is 0
    shape = [dict(_fields(dim)).get(1, 0) for number, value in fields if number == 2 for dim in _submessages(value, 2)]
    raw = b"".join(bytes(value) for number, value in fields if number in (4, 5))
    numbers = np.frombuffer(raw, "<f4")
    if numbers.size == 1:
        # One number fills the whole tensor.
        return np.broadcast_to(numbers, shape)  # however large, it takes no memory
    return numbers.reshape(shape)


def _submessages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for number, value in _fields(message) if number == wanted)


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer: (number, int for a varint, bytes for all else)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            value: Any
            value, position = _varint(message, position)
        elif kind in (1, 2, 5):
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, position = _varint(message, position)
            if position + size > len(message):
                raise UserError("a field that runs past the end")
            value, position = message[position : position + size], position + size
        else:
            raise UserError(f"wire type {kind}")
        yield tag >> 3, value


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A base-128 number of at most 10 bytes, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        value, position = value | (byte & 127) << shift, position + 1
        if byte < 128:
            return value, position
    raise UserError("a number of more than 10 bytes")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__
