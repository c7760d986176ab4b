"""Makes the quantized folders in Tests/Fixtures/packed: every method that Tandem reads without a conversion.

    python make_packed_fixtures.py [NAME ...]

Models have random weights (seeded). Each matrix is quantized here, packed as the method's own tool packs it, and taken apart
again by the published formula, in float32 from the packed bytes. transformers then runs on these values. Golden files
hold what it computes, and for each matrix a hash of its float32 values. README.md beside this file describes them. A second
run gives the same files.

The formulas, and where they are from:

* GPTQ: GPTQModel `gptqmodel/nn_modules/qlinear/__init__.py` (`pack_block`, `dequantize_weight`), AutoGPTQ
  `auto_gptq/nn_modules/qlinear/qlinear_cuda.py`. The first format stores zero points less one, within their bits.
* AWQ: AutoAWQ `awq/modules/linear/gemm.py` (`from_linear`: order_map), `awq/utils/packing_utils.py` (AWQ_REVERSE_ORDER).
* compressed-tensors: `compressed_tensors/compressors/pack_quantized/helpers.py` (`pack_to_int32`), `naive_quantized`, and
  `quantization/lifecycle/forward.py` (`dequantize`). Where that library is installed, its own results are compared.
* FP8: transformers `integrations/finegrained_fp8.py` (`Fp8Dequantize`): value * scale of the block.
* MLX: `mlx.core.quantize` and `dequantize`, mode "affine". Where mlx is installed, its results are compared.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import LlamaConfig, PreTrainedModel, Qwen3Config, Qwen3MoeConfig

from make_family_fixtures import FEWEST_DISTINCT, SMALLEST_MARGIN, older_rope, settings
from make_fixtures import compute_golden, with_weights, write_golden

FOLDER = Path(__file__).resolve().parent.parent / "Fixtures/packed"

Tensors = dict[str, torch.Tensor]
# A matrix [outputs, inputs] to the tensors that hold it, by the end of their names, and its values.
Packer = Callable[[np.ndarray, np.random.Generator], tuple[Tensors, np.ndarray]]


# ---------------------------------------------------------------------------------------------------------------
# Packing


def words(codes: np.ndarray, bits: int) -> torch.Tensor:
    """[rows, n] whole numbers below 2^bits to int32 [rows, n * bits / 32]: a stream, the lowest bits first."""
    rows = codes.shape[0]
    stream = (codes[..., None] >> np.arange(bits) & 1).astype(np.uint8).reshape(rows, -1)
    stream = np.pad(stream, ((0, 0), (0, -stream.shape[1] % 32)))
    return torch.from_numpy(np.packbits(stream, axis=1, bitorder="little").view(np.int32).copy())


def stored(values: np.ndarray, dtype: torch.dtype) -> tuple[torch.Tensor, np.ndarray]:
    tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(dtype)
    return tensor, tensor.float().numpy()


def spread(per_group: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """[rows, groups] to [rows, columns]."""
    return per_group[:, groups]


def grouped_extremes(weight: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = groups.max() + 1
    low = np.stack([weight[:, groups == g].min(1) for g in range(count)], 1)
    high = np.stack([weight[:, groups == g].max(1) for g in range(count)], 1)
    return low, high


def integers(weight: np.ndarray, groups: np.ndarray, bits: int, symmetric: bool, dtype: torch.dtype):
    """codes [rows, columns], scales and zero points [rows, groups]."""
    low, high = grouped_extremes(weight, groups)
    top = 2**bits - 1
    if symmetric:
        scale, scales = stored(np.maximum(-low, high) / (2 ** (bits - 1) - 0.5), dtype)
        zeros = np.full(scales.shape, 2 ** (bits - 1))
    else:
        low, high = np.minimum(low, 0), np.maximum(high, 0)
        scale, scales = stored((high - low) / top, dtype)
        zeros = np.clip(np.rint(-low / scales), 1, top).astype(np.int64)
    codes = np.clip(np.rint(weight / spread(scales, groups)) + spread(zeros, groups), 0, top).astype(np.int64)
    return codes, scale, scales, zeros


def gptq(bits: int = 4, group: int = 32, symmetric: bool = True, version: int = 1, shuffled: bool = False,
         bias: bool = False) -> Packer:
    def pack(weight: np.ndarray, generator: np.random.Generator) -> tuple[Tensors, np.ndarray]:
        rows, columns = weight.shape
        groups = np.arange(columns) // (columns if group == -1 else group)
        if shuffled:
            groups = generator.permutation(groups)
        codes, scale, scales, zeros = integers(weight, groups, bits, symmetric, torch.float16)
        parts = {
            "qweight": words(codes, bits).T.contiguous(),
            "qzeros": words((zeros.T - (1 if version == 1 else 0)) & 2**bits - 1, bits),
            "scales": scale.T.contiguous(),
            "g_idx": torch.from_numpy(groups.astype(np.int32)),
        }
        if bias:
            parts["bias"] = torch.zeros(rows, dtype=torch.float16)
        values = (codes - spread(zeros, groups)).astype(np.float32) * spread(scales, groups)
        return parts, values

    return pack


AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def awq_words(codes: np.ndarray) -> torch.Tensor:
    """[n, rows] to [n, rows / 8]: nibble i holds row AWQ_ORDER[i] of eight."""
    return words(codes.reshape(codes.shape[0], -1, 8)[:, :, AWQ_ORDER].reshape(codes.shape), 4)


def awq(group: int = 32) -> Packer:
    def pack(weight: np.ndarray, _: np.random.Generator) -> tuple[Tensors, np.ndarray]:
        groups = np.arange(weight.shape[1]) // (weight.shape[1] if group == -1 else group)
        codes, scale, scales, zeros = integers(weight, groups, 4, False, torch.float16)
        parts = {"qweight": awq_words(codes.T), "qzeros": awq_words(zeros.T), "scales": scale.T.contiguous()}
        return parts, (codes - spread(zeros, groups)).astype(np.float32) * spread(scales, groups)

    return pack


def float8(scale_shape: str, dtype: torch.dtype, name: str, block: tuple[int, int] = (128, 128),
           significant_bits: int | None = None) -> Packer:
    """`significant_bits` of scales; None: as many as the type has."""

    def pack(weight: np.ndarray, _: np.random.Generator) -> tuple[Tensors, np.ndarray]:
        rows, columns = weight.shape
        height, width = {"tensor": (rows, columns), "channel": (1, columns), "block": block}[scale_shape]
        shape = (math.ceil(rows / height), math.ceil(columns / width))
        largest = np.array([[np.abs(weight[i * height:(i + 1) * height, j * width:(j + 1) * width]).max()
                             for j in range(shape[1])] for i in range(shape[0])])
        wanted = largest / 448
        if significant_bits:
            fraction, exponent = np.frexp(wanted)
            wanted = np.ldexp(np.ceil(fraction * 2**significant_bits) / 2**significant_bits, exponent)
        scale, scales = stored(wanted, dtype)
        everywhere = np.repeat(np.repeat(scales, height, 0), width, 1)[:rows, :columns]
        codes = torch.from_numpy(weight / everywhere).clamp(-448, 448).to(torch.float8_e4m3fn)
        parts = {"weight": codes, name: scale.reshape([]) if scale_shape == "tensor" else scale}
        return parts, codes.float().numpy() * everywhere

    return pack


def compressed_words(bits: int = 4, group: int = 32, symmetric: bool = True, shuffled: bool = False) -> Packer:
    def pack(weight: np.ndarray, generator: np.random.Generator) -> tuple[Tensors, np.ndarray]:
        rows, columns = weight.shape
        groups = np.arange(columns) // (columns if group == -1 else group)
        if shuffled:
            groups = generator.permutation(groups)
        codes, scale, scales, zeros = integers(weight, groups, bits, symmetric, torch.bfloat16)
        parts = {"weight_packed": words(codes, bits), "weight_scale": scale,
                 "weight_shape": torch.tensor([rows, columns])}
        if not symmetric:
            parts["weight_zero_point"] = words(zeros.T, bits).T.contiguous()
        if shuffled:
            parts["weight_g_idx"] = torch.from_numpy(groups.astype(np.int32))
        values = (codes - spread(zeros, groups)).astype(np.float32) * spread(scales, groups)
        check_compressed(parts, values, bits, groups, shuffled)
        return parts, values

    return pack


def check_compressed(parts: Tensors, values: np.ndarray, bits: int, groups: np.ndarray, shuffled: bool) -> None:
    try:
        from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
    except ImportError:
        return
    shape = torch.Size(parts["weight_shape"].tolist())
    codes = unpack_from_int32(parts["weight_packed"], bits, shape).numpy().astype(np.float32)
    scales = parts["weight_scale"].float().numpy()
    zeros = np.zeros_like(scales)
    if "weight_zero_point" in parts:
        packed = unpack_from_int32(parts["weight_zero_point"], bits, torch.Size(scales.shape), packed_dim=0)
        zeros = packed.numpy().astype(np.float32)
    assert ((codes - zeros[:, groups]) * scales[:, groups] == values).all()


def compressed_bytes(symmetric: bool = True, group: int = -1) -> Packer:
    """int-quantized: signed bytes, one scale a row."""

    def pack(weight: np.ndarray, _: np.random.Generator) -> tuple[Tensors, np.ndarray]:
        groups = np.arange(weight.shape[1]) // (weight.shape[1] if group == -1 else group)
        codes, scale, scales, zeros = integers(weight, groups, 8, symmetric, torch.bfloat16)
        parts = {"weight": torch.from_numpy((codes - 128).astype(np.int8)), "weight_scale": scale}
        if not symmetric:
            parts["weight_zero_point"] = torch.from_numpy((zeros - 128).astype(np.int8))
        return parts, (codes - spread(zeros, groups)).astype(np.float32) * spread(scales, groups)

    return pack


def mlx(bits: int = 4, group: int = 32, dtype: torch.dtype = torch.bfloat16) -> Packer:
    def pack(weight: np.ndarray, _: np.random.Generator) -> tuple[Tensors, np.ndarray]:
        groups = np.arange(weight.shape[1]) // group
        low, high = grouped_extremes(weight, groups)
        scale, scales = stored((high - low) / (2**bits - 1), dtype)
        bias, biases = stored(low, dtype)
        codes = np.clip(np.rint((weight - spread(biases, groups)) / spread(scales, groups)), 0, 2**bits - 1)
        codes = codes.astype(np.int64)
        parts = {"weight": words(codes, bits).view(torch.uint32), "scales": scale, "biases": bias}
        values = codes.astype(np.float32) * spread(scales, groups) + spread(biases, groups)
        check_mlx(parts, values, bits, group)
        return parts, values

    return pack


def check_mlx(parts: Tensors, values: np.ndarray, bits: int, group: int) -> None:
    try:
        import mlx.core as mx
    except ImportError:
        return
    own = mx.dequantize(
        mx.array(parts["weight"].numpy()), mx.array(parts["scales"].float().numpy()),
        mx.array(parts["biases"].float().numpy()), group_size=group, bits=bits)
    assert (np.array(own) == values).all()


# ---------------------------------------------------------------------------------------------------------------
# The models


@dataclass(frozen=True)
class Fixture:
    name: str
    config: transformers.PretrainedConfig
    quantization: dict  # what config.json says
    packer: Callable[[str], Packer | None]  # by the name of a module; None: left as it is
    key: str = "quantization_config"
    dtype: torch.dtype = torch.bfloat16
    extra: Callable[[str], Tensors] = field(default=lambda module: {})  # further tensors of a quantized module
    is_exact: bool = True  # the kept types hold the values


def sizes(**others: object) -> dict:
    return settings(**{"hidden_size": 64, "intermediate_size": 96, "vocab_size": 96, "head_dim": 16} | others)


def llama(**others: object) -> LlamaConfig:
    return LlamaConfig(**sizes(**others))


def qwen3(**others: object) -> Qwen3Config:
    return Qwen3Config(**sizes(**others))


def layers(packer: Packer, **by_module: Packer | None) -> Callable[[str], Packer | None]:
    """`packer` for the matrices of layers, or what is given for the last part of a module's name."""

    def choose(module: str) -> Packer | None:
        last = module.split(".")[-1]
        if last in by_module:
            return by_module[last]
        return packer if ".layers." in module and "norm" not in module else None

    return choose


def gptq_config(**others: object) -> dict:
    return {"bits": 4, "group_size": 32, "desc_act": False, "sym": True, "damp_percent": 0.1, "lm_head": False,
            "quant_method": "gptq"} | others


def compressed_config(form: str, weights: dict) -> dict:
    return {"config_groups": {"group_0": {"input_activations": None, "output_activations": None,
                                          "targets": ["Linear"], "weights": weights}},
            "format": form, "ignore": ["lm_head"], "kv_cache_scheme": None, "quant_method": "compressed-tensors",
            "quantization_status": "compressed", "global_compression_ratio": None}


MLX_BITS = {"q_proj": 2, "k_proj": 3, "v_proj": 5, "o_proj": 4}

FIXTURES = [
    Fixture("fp8-block", qwen3(intermediate_size=160), {
        "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [32, 64],
        "modules_to_not_convert": ["lm_head", "model.layers.1.mlp.down_proj"],
    }, lambda module: None if module == "model.layers.1.mlp.down_proj" else
        layers(float8("block", torch.float32, "weight_scale_inv", (32, 64)))(module), is_exact=False),
    Fixture("fp8-powers", llama(intermediate_size=160, tie_word_embeddings=False), {
        "activation_scheme": "dynamic", "quant_method": "fp8", "weight_block_size": [128, 128],
    }, layers(float8("block", torch.float32, "weight_scale_inv", significant_bits=1))),
    Fixture("fp8-tensor", llama(), {
        "activation_scheme": "static", "dequantize": False, "quant_method": "fp8", "weight_block_size": None,
        "modules_to_not_convert": ["lm_head"],
    }, layers(float8("tensor", torch.bfloat16, "weight_scale_inv", significant_bits=5)),
        extra=lambda module: {"activation_scale": torch.tensor(0.02, dtype=torch.bfloat16)}),
    Fixture("compressed-float", qwen3(), compressed_config("float-quantized", {
        "num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True, "dynamic": False}),
        layers(float8("channel", torch.bfloat16, "weight_scale")), is_exact=False),
    Fixture("compressed-int4", llama(), compressed_config("pack-quantized", {
        "num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": True}),
        layers(compressed_words(), down_proj=compressed_words(bits=8, group=-1),
               q_proj=compressed_words(symmetric=False, group=64))),
    Fixture("compressed-order", llama(), compressed_config("pack-quantized", {
        "num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": True,
        "actorder": "group"}), layers(compressed_words(shuffled=True)), is_exact=False),
    Fixture("compressed-int8", qwen3(), compressed_config("int-quantized", {
        "num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True}), layers(compressed_bytes()),
        extra=lambda module: {"input_scale": torch.tensor([0.02])}),
    Fixture("gptq", llama(), gptq_config(), layers(gptq(bias=True))),
    Fixture("gptq-asymmetric", qwen3(), gptq_config(
        sym=False, group_size=64, dynamic={r"+:.*\.k_proj": {"bits": 2}, r"+:.*\.v_proj": {"bits": 3},
                                           r"+:.*\.o_proj": {"group_size": -1}}),
        layers(gptq(symmetric=False, group=64), k_proj=gptq(bits=2, symmetric=False, group=64),
               v_proj=gptq(bits=3, symmetric=False, group=64), o_proj=gptq(symmetric=False, group=-1),
               down_proj=gptq(symmetric=False, group=32))),
    Fixture("gptq-order", llama(), gptq_config(desc_act=True, sym=False, checkpoint_format="gptq_v2"),
            layers(gptq(symmetric=False, version=2, shuffled=True)), is_exact=False),
    Fixture("gptq-8-bits", llama(tie_word_embeddings=False), gptq_config(bits=8, lm_head=True, checkpoint_format="gptq"),
            layers(gptq(bits=8), lm_head=gptq(bits=8))),
    Fixture("awq", qwen3(), {"bits": 4, "group_size": 32, "modules_to_not_convert": None, "quant_method": "awq",
                             "version": "gemm", "zero_point": True}, layers(awq()), dtype=torch.float16),
    Fixture("mlx", llama(), {"group_size": 32, "bits": 4} | {
        f"model.layers.{layer}.self_attn.{name}": {"group_size": 64 if bits == 2 else 32, "bits": bits}
        for layer in (0, 1) for name, bits in MLX_BITS.items()},
        layers(mlx(), embed_tokens=mlx(group=64 // 2), q_proj=mlx(2, 64), k_proj=mlx(3), v_proj=mlx(5)),
        key="quantization"),
    Fixture("mlx-8-bits", qwen3(tie_word_embeddings=False), {"group_size": 64, "bits": 8} | {
        "model.layers.0.mlp.up_proj": {"group_size": 32, "bits": 6}, "model.layers.1.mlp.up_proj": {
            "group_size": 32, "bits": 6}, "lm_head": False,
        "model.layers.0.mlp.down_proj": {"group_size": 32, "bits": 8},
        "model.layers.1.mlp.down_proj": {"group_size": 32, "bits": 8}},
        layers(mlx(8, 64, torch.float16), embed_tokens=mlx(8, 64, torch.float16), up_proj=mlx(6, 32, torch.float16),
               down_proj=mlx(8, 32, torch.float16)), key="quantization", dtype=torch.float16, is_exact=False),
    Fixture("mlx-experts", Qwen3MoeConfig(**sizes(
        num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, norm_topk_prob=True, mlp_only_layers=[],
        decoder_sparse_step=1)), {"group_size": 32, "bits": 4, "model.layers.0.mlp.gate": {
            "group_size": 64, "bits": 8}, "model.layers.1.mlp.gate": {"group_size": 64, "bits": 8}},
        layers(mlx(), gate=mlx(8, 64)), key="quantization"),
    Fixture("fp8-experts", Qwen3MoeConfig(**sizes(
        num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, norm_topk_prob=True, mlp_only_layers=[],
        decoder_sparse_step=1)), {"quant_method": "fp8", "weight_block_size": [128, 128]},
        layers(float8("block", torch.float32, "weight_scale_inv", significant_bits=3), gate=None)),
]


def random_weights(model: PreTrainedModel, seed: int) -> dict[str, np.ndarray]:
    """By the name in files; matrices of experts one by one."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if noise.dim() == 1:
            value = 1 + 0.2 * noise
        elif "embed_tokens" in name or "lm_head" in name:
            value = 2.5 / math.sqrt(noise.shape[1]) * noise
        else:
            value = 1.4 / math.sqrt(noise.shape[-1]) * noise
        if noise.dim() < 3:
            weights[name] = value.numpy()
            continue
        for expert, matrix in enumerate(value.numpy()):
            prefix = name.rsplit(".", 1)[0] + f".{expert}."
            if "gate_up" in name:
                gate, up = np.split(matrix, 2)
                weights |= {prefix + "gate_proj.weight": gate, prefix + "up_proj.weight": up}
            else:
                weights[prefix + "down_proj.weight"] = matrix
    return weights


def as_transformers(values: dict[str, np.ndarray]) -> Tensors:
    """The matrices of experts stacked."""
    result: Tensors = {name: torch.from_numpy(value) for name, value in values.items() if ".experts." not in name}
    experts = sorted({name.split(".experts.")[0] for name in values if ".experts." in name})
    for layer in experts:
        count = len({name.split(".experts.")[1].split(".")[0] for name in values if name.startswith(layer + ".experts.")})

        def stacked(part: str) -> torch.Tensor:
            return torch.stack([torch.from_numpy(values[f"{layer}.experts.{e}.{part}.weight"]) for e in range(count)])

        result[f"{layer}.experts.gate_up_proj"] = torch.cat([stacked("gate_proj"), stacked("up_proj")], 1)
        result[f"{layer}.experts.down_proj"] = stacked("down_proj")
    return result


def stack_experts(tensors: Tensors) -> Tensors:
    """As MLX has them: "mlp.experts.3.up_proj.weight" is a slice of "mlp.switch_mlp.up_proj.weight"."""
    result: Tensors = {}
    slices: dict[str, dict[int, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if ".experts." not in name:
            result[name] = tensor
            continue
        layer, rest = name.split(".experts.")
        expert, part = rest.split(".", 1)
        slices.setdefault(f"{layer}.switch_mlp.{part}", {})[int(expert)] = tensor
    for name, those in slices.items():
        result[name] = torch.stack([those[e].view(torch.int32) if those[e].dtype == torch.uint32 else those[e]
                                    for e in sorted(those)])
        if those[0].dtype == torch.uint32:
            result[name] = result[name].view(torch.uint32)
    return result


def hash_of(values: np.ndarray) -> str:
    """FNV-1a of 64 bits over the float32 words."""
    value = 0xCBF29CE484222325
    for word in np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).ravel().tolist():
        value = (value ^ word) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def quantize(fixture: Fixture, weights: dict[str, np.ndarray], seed: int) -> tuple[Tensors, dict[str, np.ndarray]]:
    """The tensors of the files, and all values."""
    generator = np.random.default_rng(seed)
    tensors: Tensors = {}
    values: dict[str, np.ndarray] = {}
    for name, weight in weights.items():
        module = name.removesuffix(".weight")
        packer = fixture.packer(module) if weight.ndim == 2 else None
        if packer is None:
            tensors[name], values[name] = stored(weight, fixture.dtype)
            continue
        parts, values[name] = packer(weight, generator)
        assert values[name].dtype == np.float32
        for end, part in (parts | fixture.extra(module)).items():
            tensors[f"{module}.{end}"] = part
    return tensors, values


def make(fixture: Fixture) -> None:
    folder = FOLDER / fixture.name
    for seed in range(1, 1000):
        model = transformers.AutoModelForCausalLM.from_config(copy.deepcopy(fixture.config), attn_implementation="eager")
        weights = random_weights(model, seed)
        tensors, values = quantize(fixture, weights, seed)
        golden = compute_golden(fixture.name, with_weights(model, as_transformers(values)), seed)
        is_varied = len(set(golden["greedy_tokens"])) >= FEWEST_DISTINCT
        if golden["smallest_greedy_margin"] > SMALLEST_MARGIN and is_varied:
            break
    else:
        raise SystemExit(f"{fixture.name}: no seed gives a varied continuation without near ties")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if fixture.name == "mlx-experts":
        tensors = stack_experts(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors",
              {"format": "mlx" if fixture.key == "quantization" else "pt"})
    config = model.config.to_dict()
    config["architectures"] = [type(model).__name__]
    config["dtype"] = str(fixture.dtype).removeprefix("torch.")
    config = {name: value for name, value in config.items() if value is not None}
    older_rope(config)
    config[fixture.key] = fixture.quantization
    if fixture.key == "quantization":
        config["quantization_config"] = fixture.quantization
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    golden["is_exact"] = fixture.is_exact
    golden["values"] = {name: hash_of(value) for name, value in values.items() if value.ndim == 2}
    write_golden(folder / "golden.json", golden)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{fixture.name}: seed {seed}, {size / 1000:.0f} KB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names
    for fixture in FIXTURES:
        if not names or fixture.name in names:
            make(fixture)


if __name__ == "__main__":
    main()
