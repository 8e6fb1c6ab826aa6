"""Whether an ONNX file keeps tensors in other files. Such a file names them itself, by any path: `../x`, too.

Runtimes look for them beside the network, or in whatever folder the program runs in. facekit reads the one
file that it was given, so that a file like this is refused before a runtime sees it. An ONNX file is a
protocol buffer (https://protobuf.dev/programming-guides/encoding); this walks through as much of it as can
hold a tensor, without the package `onnx`, which identifying does not need.
"""

from __future__ import annotations

from collections.abc import Iterator

# For each kind of message in onnx.proto3 the fields to look into, and of which kind they are.
_INSIDE: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def is_used(network: bytes) -> bool:
    """Whether any tensor of the file lies in another file. ValueError for what is no protocol buffer."""
    # The name of the file is told under this key; nearly all networks are done with here.
    if b"location" not in network:
        return False
    waiting = [("Model", memoryview(network))]
    while waiting:
        kind, message = waiting.pop()
        for number, content in _fields(message):
            if kind == "Tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and content)):
                return True
            inner = _INSIDE.get(kind, {}).get(number)
            if inner is not None and isinstance(content, memoryview):
                waiting.append((inner, content))
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The number and the content of each field: bytes, or a whole number."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        size = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire, 0)
        if wire == _BYTES:
            size, place = _varint(message, place)
        if place + size > len(message):
            raise ValueError("it is cut off")
        if wire == _BYTES:
            yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("it is cut off")
