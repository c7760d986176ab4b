"""Makes Tests/Fixtures/quantization: what llama.cpp's quantizers do to given weights, and which tensor gets which type.

    python make_quantization_fixtures.py MODEL.gguf

`weights.f16`: 64 rows of 1,024 F16 numbers, half of them Gaussian (seeded), half taken from the matrices of MODEL.gguf
(Deploy/models/tandem-tales.gguf). `rows.json`: for each type the root mean square error that ggml's quantizer without
an importance matrix leaves in either half, and the FNV-1a hash of its bytes. `mixes.json`: the type of every tensor of
small models of several kinds after `llama_model_quantize`, one letter for each tensor; `models` says how to make them.

Needs gguf, numpy and llama-cpp-python (0.3.36 was used). README.md beside this file describes every field.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

OUTPUT = Path(__file__).parent.parent / "Fixtures" / "quantization"
ROWS, COLUMNS = 64, 1024
TYPES = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"]
# llama.h, llama_ftype
MIXES = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12,
    "q3_k_l": 13, "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17, "q6_k": 18, "iq4_nl": 25, "iq4_xs": 30,
    "bf16": 32, "mxfp4_moe": 38,
}
# Architecture, layers, heads, key/value heads, tied embeddings, experts, embedding, feed-forward.
MODELS = {
    "llama, groups of 4": ("llama", 16, 8, 2, False, 0, 256, 512),
    "llama, tied": ("llama", 9, 4, 4, True, 0, 256, 512),
    "llama, 8 experts": ("llama", 8, 4, 1, False, 8, 256, 512),
    "gpt2": ("gpt2", 10, 4, 4, True, 0, 256, 512),
    "qwen3moe, 4 experts": ("qwen3moe", 8, 4, 2, False, 4, 256, 512),
    "llama, blocks that do not fit": ("llama", 3, 3, 3, False, 0, 96, 160),
    "llama, rows of no blocks": ("llama", 2, 2, 2, False, 0, 40, 72),
    "llama, 80 layers": ("llama", 80, 8, 1, False, 0, 256, 256),
}


def ggml() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    return library


def weights(model: str) -> np.ndarray:
    """[ROWS, COLUMNS] float32 numbers that F16 holds exactly."""
    gaussian = np.random.default_rng(20).standard_normal((ROWS // 2, COLUMNS)).astype(np.float16)
    parts = []
    for tensor in gguf.GGUFReader(model).tensors:
        if len(tensor.shape) == 2 and tensor.name.startswith("blk."):
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(-1)
            parts.append(values[: COLUMNS * 2])
    real = np.concatenate(parts)[: ROWS // 2 * COLUMNS].reshape(-1, COLUMNS).astype(np.float16)
    return np.concatenate([gaussian, real]).astype(np.float32)


def fnv1a(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def rows(values: np.ndarray) -> dict[str, dict[str, float | str]]:
    library = ggml()
    result = {}
    for name in TYPES:
        kind = GGMLQuantizationType[name]
        block, size = GGML_QUANT_SIZES[kind]
        data = np.zeros((ROWS, COLUMNS // block * size), np.uint8)
        library.ggml_quantize_chunk(int(kind), values.ctypes.data, data.ctypes.data, 0, ROWS, COLUMNS, None)
        error = gguf.quants.dequantize(data, kind).astype(np.float64) - values
        root = [float(np.sqrt(np.mean(half**2))) for half in (error[: ROWS // 2], error[ROWS // 2 :])]
        result[name] = {"gaussian": root[0], "model": root[1], "fnv1a": fnv1a(data.tobytes())}
    return result


def write_model(
    path: str, architecture: str, layers: int, heads: int, kv_heads: int, tied: bool, experts: int, width: int, ff: int
) -> list[tuple[str, list[int]]]:
    """Writes a GGUF file of zeros; returns its tensors, outermost dimension first."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(64)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)
        writer.add_expert_feed_forward_length(ff)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"t{i}" for i in range(64)])
    writer.add_token_scores([0.0] * 64)
    writer.add_token_types([1] * 64)
    tensors: list[tuple[str, list[int]]] = [("token_embd.weight", [64, width]), ("output_norm.weight", [width])]
    if architecture == "gpt2":
        tensors += [("position_embd.weight", [64, width]), ("output_norm.bias", [width])]
    if not tied:
        tensors.append(("output.weight", [64, width]))
    kv = kv_heads * (width // heads)
    for layer in range(layers):
        if architecture == "gpt2":
            inner = [
                ("attn_norm.weight", [width]), ("attn_norm.bias", [width]), ("attn_qkv.weight", [3 * width, width]),
                ("attn_qkv.bias", [3 * width]), ("attn_output.weight", [width, width]), ("attn_output.bias", [width]),
                ("ffn_norm.weight", [width]), ("ffn_norm.bias", [width]), ("ffn_up.weight", [ff, width]),
                ("ffn_up.bias", [ff]), ("ffn_down.weight", [width, ff]), ("ffn_down.bias", [width])]
        else:
            inner = [
                ("attn_norm.weight", [width]), ("attn_q.weight", [width, width]), ("attn_k.weight", [kv, width]),
                ("attn_v.weight", [kv, width]), ("attn_output.weight", [width, width]), ("ffn_norm.weight", [width])]
            if architecture == "qwen3moe":
                inner += [("attn_q_norm.weight", [width // heads]), ("attn_k_norm.weight", [width // heads])]
            if experts:
                inner += [
                    ("ffn_gate_inp.weight", [experts, width]), ("ffn_gate_exps.weight", [experts, ff, width]),
                    ("ffn_up_exps.weight", [experts, ff, width]), ("ffn_down_exps.weight", [experts, width, ff])]
            else:
                inner += [
                    ("ffn_gate.weight", [ff, width]), ("ffn_up.weight", [ff, width]), ("ffn_down.weight", [width, ff])]
        tensors += [(f"blk.{layer}.{name}", shape) for name, shape in inner]
    for name, shape in tensors:
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def mixes() -> dict[str, object]:
    letters: dict[str, str] = {}
    models = []
    llama_cpp.llama_backend_init()
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/source.gguf", f"{folder}/target.gguf"
        for title, (architecture, layers, heads, kv_heads, tied, experts, width, ff) in MODELS.items():
            tensors = write_model(source, architecture, layers, heads, kv_heads, tied, experts, width, ff)
            types = {}
            for mix, number in MIXES.items():
                parameters = llama_cpp.llama_model_quantize_default_params()
                parameters.ftype, parameters.nthread = number, 1
                if llama_cpp.llama_model_quantize(source.encode(), target.encode(), parameters) != 0:
                    continue  # a type whose blocks fit nothing here is refused by llama.cpp
                found = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(target).tensors}
                types[mix] = "".join(
                    letters.setdefault(found[name], chr(ord("A") + len(letters))) for name, _ in tensors)
            models.append({
                "title": title, "layers": layers, "heads": heads, "kv_heads": kv_heads, "tied": tied,
                "experts": experts, "tensors": [[name, *shape] for name, shape in tensors if not name.startswith("blk.")
                                                or name.startswith("blk.0.")], "types": types})
    return {"letters": {letter: name for name, letter in letters.items()}, "models": models}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    values = weights(parser.parse_args().model)
    (OUTPUT / "weights.f16").write_bytes(values.astype("<f2").tobytes())
    (OUTPUT / "rows.json").write_text(json.dumps(rows(values), indent=1) + "\n")
    (OUTPUT / "mixes.json").write_text(json.dumps(mixes()) + "\n")


if __name__ == "__main__":
    main()
