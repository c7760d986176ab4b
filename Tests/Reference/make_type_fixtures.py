"""Blocks of every tensor type with the values that the `gguf` package's dequantizers give them.

    python Tests/Reference/make_type_fixtures.py            (needs numpy and gguf of requirements.txt)

Writes Tests/Fixtures/types/<TYPE>.bin: the blocks of one row in the file's format, then the bits of its values as
little-endian F32. Random bytes are valid blocks of every type; of each type's blocks some have ordinary scales, some
scales of any bits (subnormal, negative, infinite, NaN), and some are all zeros or all ones.
"""

import pathlib

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Type

# Where the F16 scales and minima of a block lie.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [],
}
FLOATS = ["F32", "F16", "BF16"]
SPECIAL_HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00]


def blocks_of(name: str, random: np.random.Generator) -> np.ndarray:
    elements, size = GGML_QUANT_SIZES[Type[name]]
    count = {1: 256, 32: 24, 256: 6}[elements]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    if elements == 1:
        return blocks
    for index, block in enumerate(blocks):
        for offset in HALVES[name]:
            if index % 3 == 0:  # ordinary
                half = np.array([random.normal() * 0.01], dtype="<f2").view(np.uint8)
            elif index % 3 == 1:
                half = np.array([random.choice(SPECIAL_HALVES)], dtype="<u2").view(np.uint8)
            else:  # any bits
                continue
            block[offset:offset + 2] = half
    blocks[-1] = 0xFF  # scales are NaN, MXFP4's exponent is the largest
    blocks[-2] = 0
    blocks[-3, :] = 0xFF
    for offset in HALVES[name]:
        blocks[-3, offset:offset + 2] = np.array([0.5], dtype="<f2").view(np.uint8)
    if name == "MXFP4":
        blocks[: 8, 0] = [0, 1, 2, 3, 127, 128, 254, 255]
    return blocks


def main() -> None:
    folder = pathlib.Path(__file__).parent.parent / "Fixtures" / "types"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20)
    for name in FLOATS + sorted(HALVES):
        row = blocks_of(name, random).reshape(1, -1)
        with np.errstate(all="ignore"):
            values = gguf.dequantize(row.view({"F32": "<f4", "F16": "<f2"}.get(name, np.uint8)), Type[name])
        (folder / f"{name}.bin").write_bytes(row.tobytes() + values.astype("<f4", copy=False).tobytes())


if __name__ == "__main__":
    main()
