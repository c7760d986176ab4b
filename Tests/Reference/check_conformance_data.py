"""Reads the two conformance sets that Tandem's numeric tests use, recomputes them in numpy, and prints the
largest differences. It is the executable form of the format notes in README.md.

    python check_conformance_data.py CONFORMANCE_FOLDER
"""

from __future__ import annotations

import argparse
import base64
import json
import struct
from pathlib import Path

import numpy as np

Array = np.ndarray


def read_tagged_json(path: Path) -> tuple[dict, dict[str, Array]]:
    """`config`, and every other entry as an array: {"shape", "dtype", "data": base64 of little-endian float32}."""
    entries = json.loads(path.read_text())
    arrays = {
        name: np.frombuffer(base64.b64decode(entry["data"]), "<f4").reshape(entry["shape"])
        for name, entry in entries.items()
        if isinstance(entry, dict) and "data" in entry
    }
    return entries["config"], arrays


def read_safetensors(path: Path) -> dict[str, Array]:
    content = path.read_bytes()
    (header_size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + header_size])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = (8 + header_size + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "BF16"
        bits = np.frombuffer(content[begin:end], "<u2").astype(np.uint32) << 16
        arrays[name] = bits.view(np.float32).reshape(entry["shape"])
    return arrays


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(query: Array, key: Array, value: Array) -> tuple[Array, Array]:
    """[..., length, head size] each -> scaled and masked scores, mixed values."""
    length, size = query.shape[-2:]
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(np.float32(size))
    scores = np.where(np.tri(length, dtype=bool), scores, -np.inf)
    return scores, softmax(scores) @ value


def check_sort_model(folder: Path) -> dict[str, float]:
    config, weights = read_tagged_json(folder / "gpt-nano-sort-model.json")
    _, golden = read_tagged_json(folder / "gpt-nano-sort-partials.json")
    differences: dict[str, float] = {}

    def compare(name: str, computed: Array) -> None:
        expected = golden[name]
        assert expected.shape == computed.shape, (name, expected.shape, computed.shape)
        finite = np.isfinite(expected)
        assert (finite == np.isfinite(computed)).all(), name
        differences[name] = float(np.abs(expected[finite] - computed[finite]).max())

    def norm(x: Array, name: str) -> Array:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * weights[name + ".weight"] + weights[name + ".bias"]

    def linear(x: Array, name: str) -> Array:
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    heads = config["n_head"]
    ids = golden["idx"].astype(int)  # [3 sequences, 11]
    rows, length = ids.shape
    x = weights["transformer.wte.weight"][ids] + weights["transformer.wpe.weight"][:length]
    compare("x", x)
    for layer in range(config["n_layer"]):
        p = f"transformer.h.{layer}."
        ln1 = norm(x, p + "ln_1")
        qkv = linear(ln1, p + "attn.c_attn")
        q, k, v = (part.reshape(rows, length, heads, -1).swapaxes(1, 2) for part in np.split(qkv, 3, -1))
        att, y = attend(q, k, v)
        y = y.swapaxes(1, 2).reshape(rows, length, -1)
        y_proj = linear(y, p + "attn.c_proj")
        residual = x + y_proj
        ln2 = norm(residual, p + "ln_2")
        fc = linear(ln2, p + "mlp.c_fc")
        gelu = 0.5 * fc * (1 + np.tanh(np.sqrt(2 / np.pi) * (fc + 0.044715 * fc**3)))
        mlp = linear(gelu, p + "mlp.c_proj")
        x = residual + mlp
        if layer == 0:
            inner = {"ln1": ln1, "qkv": qkv, "q": q, "k": k, "v": v, "att": att, "attSm": softmax(att), "y": y,
                     "yProj": y_proj, "attnResid": residual, "ln2": ln2, "fc": fc, "gelu": gelu, "mlp": mlp,
                     "mlpResid": x}
            for name, value in inner.items():
                compare(name, value)
        compare(f"block{layer}", x)
    x = norm(x, "transformer.ln_f")
    compare("ln_f", x)
    logits = x @ weights["lm_head.weight"].T
    compare("lm_head", logits)
    compare("probs", softmax(logits))
    return differences


def check_tiny_llama(folder: Path) -> float:
    meta = dict(line.split("=", 1) for line in (folder / "tiny_llama_meta.txt").read_text().splitlines())
    weights = read_safetensors(folder / "tiny_llama.safetensors")
    tokens = [int(token) for token in meta["tokens"].split(",")]
    golden = np.fromfile(folder / "tiny_llama_golden.bin", "<f4").reshape(len(tokens), int(meta["vocab_size"]))
    heads, kv_heads = int(meta["num_attention_heads"]), int(meta["num_key_value_heads"])
    size = int(meta["hidden_size"]) // heads

    def norm(x: Array, name: str) -> Array:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + float(meta["rms_norm_eps"])) * weights[name + ".weight"]

    angles = np.outer(np.arange(len(tokens)), float(meta["rope_theta"]) ** (-np.arange(0, size, 2) / size))
    cosine, sine = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def rotate(x: Array) -> Array:  # halves, not neighbours, form the pairs
        first, second = np.split(x, 2, -1)
        return np.concatenate([first * cosine - second * sine, second * cosine + first * sine], -1)

    x = weights["model.embed_tokens.weight"][tokens]
    for layer in range(int(meta["num_hidden_layers"])):
        p = f"model.layers.{layer}."
        h = norm(x, p + "input_layernorm")
        q, k, v = ((h @ weights[f"{p}self_attn.{n}_proj.weight"].T).reshape(len(tokens), -1, size).swapaxes(0, 1)
                   for n in "qkv")
        k, v = (part.repeat(heads // kv_heads, 0) for part in (rotate(k), v))
        _, y = attend(rotate(q), k, v)
        x = x + y.swapaxes(0, 1).reshape(len(tokens), -1) @ weights[p + "self_attn.o_proj.weight"].T
        h = norm(x, p + "post_attention_layernorm")
        gate, up = (h @ weights[f"{p}mlp.{n}_proj.weight"].T for n in ("gate", "up"))
        x = x + (gate / (1 + np.exp(-gate)) * up) @ weights[p + "mlp.down_proj.weight"].T
    logits = norm(x, "model.norm") @ weights["lm_head.weight"].T
    return float(np.abs(logits - golden).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conformance_folder", type=Path)
    folder = parser.parse_args().conformance_folder
    for name, difference in check_sort_model(folder).items():
        print(f"gpt-nano-sort {name:10} {difference:.2e}")
    print(f"paged-infer   logits     {check_tiny_llama(folder / 'paged-infer'):.2e}")


if __name__ == "__main__":
    main()
