"""Makes the small mixtures of experts in Tests/Fixtures/experts, with what transformers computes for them.

    python make_expert_fixtures.py

Mixtral, Qwen3-MoE and gpt-oss with random weights (seeded), as Hugging Face folders that transformers itself saves, as
the folder form of openai/gpt-oss-20b (MXFP4 blocks and scales apart), and as GGUF files with the names and keys of
llama.cpp's convert_hf_to_gguf. Golden files are those of make_fixtures.py: float32, from exactly the stored weights
(quantized ones dequantized). README.md beside this file describes them. A second run gives the same files.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf.quants import dequantize, quantize
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    GptOssConfig, GptOssForCausalLM, MixtralConfig, MixtralForCausalLM, PreTrainedModel, Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)

import make_fixtures as base

Kind = gguf.GGMLQuantizationType
Stored = Callable[[str, Tensor], Tensor]

# ---------------------------------------------------------------------------------------------------------------
# Models


def random_weights(model: PreTrainedModel, seed: int) -> base.Weights:
    """As in make_fixtures.py; matrices of experts are stacked, [experts, out, in] (gpt-oss: [experts, in, out])."""
    generator = torch.Generator().manual_seed(seed)
    weights: base.Weights = {}
    parameters = dict(model.named_parameters())
    for name in sorted(parameters):
        shape = parameters[name].shape
        noise = torch.randn(shape, generator=generator)
        if len(shape) == 3:
            inputs = shape[1] if isinstance(model, GptOssForCausalLM) else shape[2]
            weights[name] = 1.4 / math.sqrt(inputs) * noise
        elif "embed_tokens" in name or "lm_head" in name:
            weights[name] = 2.5 / math.sqrt(shape[1]) * noise
        elif name.endswith("sinks"):
            weights[name] = noise
        elif len(shape) == 1 and name.endswith("weight"):
            weights[name] = 1 + 0.2 * noise
        elif len(shape) == 1 or name.endswith("bias"):
            weights[name] = 0.2 * noise
        else:
            weights[name] = 1.4 / math.sqrt(shape[1]) * noise
    return weights


def make(name: str, empty: Callable[[], PreTrainedModel], *stored: Stored) -> list[base.MadeModel]:
    """Seeds are tried as in make_fixtures.py; one model for each form of storage, of the same seed."""
    for seed in range(1, 1000):
        drawn = random_weights(empty(), seed)
        made = []
        for form in stored:
            weights = {key: form(key, value) for key, value in drawn.items()}
            model = base.with_weights(empty(), weights)
            made.append(base.MadeModel(model, weights, base.compute_golden(name, model, seed)))
        margin = min(one.golden["smallest_greedy_margin"] for one in made)
        distinct = len(set(made[0].golden["greedy_tokens"]))
        if margin > base.SMALLEST_MARGIN and distinct >= base.FEWEST_DISTINCT:
            print(f"{name}: seed {seed}, smallest margin {margin:.4f}, {distinct} distinct greedy tokens")
            return made
    raise SystemExit(f"{name}: no seed gives a varied continuation without near ties")


COMMON = {
    "vocab_size": 131, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "num_experts_per_tok": 2, "bos_token_id": 0, "eos_token_id": 0, "attn_implementation": "eager",
}


def mixtral(width: int) -> PreTrainedModel:
    return MixtralForCausalLM(MixtralConfig(
        **COMMON, num_hidden_layers=2, intermediate_size=width, num_local_experts=8, max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    ))


def qwen3() -> PreTrainedModel:
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(
        **COMMON | {"num_experts_per_tok": 3}, num_hidden_layers=3, intermediate_size=48, moe_intermediate_size=8,
        num_experts=8, norm_topk_prob=False, mlp_only_layers=[1], max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    ))


def qwen3_normalized() -> PreTrainedModel:
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(
        **COMMON, num_hidden_layers=2, intermediate_size=48, moe_intermediate_size=8, num_experts=8,
        norm_topk_prob=True, max_position_embeddings=128, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
    ))


def gpt_oss() -> PreTrainedModel:
    return GptOssForCausalLM(GptOssConfig(
        **COMMON, num_hidden_layers=2, intermediate_size=32, num_local_experts=6, sliding_window=16,
        max_position_embeddings=512, swiglu_limit=7.0, rope_parameters={
            "rope_type": "yarn", "factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
            "original_max_position_embeddings": 64, "rope_theta": 150000.0,
        },
    ))


def as_bf16(_: str, value: Tensor) -> Tensor:
    return value.bfloat16().float()


def as_bf16_and_mxfp4(name: str, value: Tensor) -> Tensor:
    """The matrices of gpt-oss' experts in MXFP4 along their inputs, the rest in BF16."""
    if value.ndim != 3:
        return as_bf16(name, value)
    rows = value.transpose(1, 2).numpy()
    back = dequantize(quantize(np.ascontiguousarray(rows), Kind.MXFP4), Kind.MXFP4)
    return torch.from_numpy(back.reshape(rows.shape).copy()).transpose(1, 2).contiguous()


def as_q8_0(name: str, value: Tensor) -> Tensor:
    if value.ndim == 1 or "mlp.gate.weight" in name:
        return value
    return torch.from_numpy(dequantize(quantize(value.numpy(), Kind.Q8_0), Kind.Q8_0).copy())


# ---------------------------------------------------------------------------------------------------------------
# Hugging Face folders


def save(folder: Path, made: base.MadeModel) -> None:
    """In BF16, by transformers itself."""
    made.model.bfloat16().save_pretrained(folder)
    made.model.float()
    base.write_golden(folder / "golden.json", made.golden)


def in_halves_to_in_pairs(blocks: np.ndarray) -> np.ndarray:
    """From ggml's order of nibbles in 16 bytes (elements i and 16 + i in byte i) to that of openai's files (elements
    2i and 2i + 1)."""
    elements = np.concatenate([blocks & 15, blocks >> 4], axis=-1)
    return elements[..., 0::2] | elements[..., 1::2] << 4


def save_mxfp4(folder: Path, made: base.MadeModel, plain: Path) -> None:
    """The form of openai/gpt-oss-20b: `plain` is the same model saved in BF16."""
    folder.mkdir()
    tensors: dict[str, Tensor] = {}
    for name, value in made.weights.items():
        if value.ndim != 3:
            tensors[name] = value.bfloat16()
            continue
        rows = np.ascontiguousarray(value.transpose(1, 2).numpy())  # [experts, out, in]
        blocks = quantize(rows, Kind.MXFP4).reshape(*rows.shape[:2], rows.shape[2] // 32, 17)
        tensors[name + "_scales"] = torch.from_numpy(blocks[..., 0].copy())
        tensors[name + "_blocks"] = torch.from_numpy(in_halves_to_in_pairs(blocks[..., 1:]).copy())
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((plain / "config.json").read_text())
    config["quantization_config"] = {
        "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
        "quant_method": "mxfp4",
    }
    # As published: rope_theta and rope_scaling, not rope_parameters.
    rope = config.pop("rope_parameters")
    config |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope}
    base.write_json(folder / "config.json", config)
    base.write_golden(folder / "golden.json", made.golden)


# ---------------------------------------------------------------------------------------------------------------
# GGUF

NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate": "ffn_gate_inp",
    "mlp.router": "ffn_gate_inp",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def gguf_tensors(made: base.MadeModel) -> dict[str, np.ndarray]:
    """Every tensor under llama.cpp's name, those of experts stacked as [experts, out, in]."""
    config, tensors = made.model.config, {}
    is_gpt_oss = isinstance(config, GptOssConfig)
    for name, value in made.weights.items():
        array = value.numpy()
        if name in WHOLE:
            tensors[WHOLE[name]] = array
            continue
        _, _, layer, part = name.split(".", 3)
        prefix = f"blk.{layer}."
        if part.startswith("mlp.experts."):
            kind, _, end = part.removeprefix("mlp.experts.").partition("_proj")
            end = ".bias" if end else ".weight"
            if is_gpt_oss and array.ndim == 3:
                array = array.swapaxes(1, 2)
            if kind == "down":
                tensors[prefix + "ffn_down_exps" + end] = array
            elif is_gpt_oss:
                tensors[prefix + "ffn_gate_exps" + end] = array[:, ::2]
                tensors[prefix + "ffn_up_exps" + end] = array[:, 1::2]
            else:
                half = array.shape[1] // 2
                tensors[prefix + "ffn_gate_exps" + end] = array[:, :half]
                tensors[prefix + "ffn_up_exps" + end] = array[:, half:]
        elif part == "self_attn.sinks":
            tensors[prefix + "attn_sinks.weight"] = array
        else:
            module, end = part.rsplit(".", 1)
            stem = NAMES[module]
            if is_gpt_oss and stem == "ffn_norm":
                stem = "post_attention_norm"
            if isinstance(config, MixtralConfig) and stem in ("attn_q", "attn_k"):
                heads = config.num_attention_heads if stem == "attn_q" else config.num_key_value_heads
                array = base.interleave_rotary_rows(array, heads)
            tensors[f"{prefix}{stem}.{end}"] = array
    return tensors


def write_gguf(path: Path, made: base.MadeModel, architecture: str, experts: Kind, others: Kind) -> None:
    """Matrices of experts in one type and the other ones in another; vectors and routers in F32."""
    config = made.model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(path.stem)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_expert_count(config.num_local_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    if architecture == "llama":
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(config.head_dim)
    if architecture == "qwen3moe":
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if architecture == "gpt-oss":
        writer.add_expert_feed_forward_length(config.intermediate_size)
        writer.add_sliding_window(config.sliding_window)
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(base.ASCII_TOKENS)
    writer.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(base.ASCII_TOKENS) - 1))
    writer.add_token_merges([f"{left} {right}" for left, right in base.ASCII_MERGES])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    for name, array in gguf_tensors(made).items():
        array = np.ascontiguousarray(array)
        is_vector = array.ndim == 1 or name.endswith(".bias") or "ffn_gate_inp" in name
        kind = Kind.F32 if is_vector else experts if "_exps" in name else others
        writer.add_tensor(name, quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# ---------------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    fixtures = Path(__file__).resolve().parent.parent / "Fixtures/experts"
    parser.add_argument("--output", type=Path, default=fixtures)
    folder = parser.parse_args().output
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    save(folder / "mixtral-bf16", make("mixtral", lambda: mixtral(20), as_bf16)[0])
    quantized = make("mixtral-q8_0", lambda: mixtral(32), as_q8_0)[0]
    write_gguf(folder / "mixtral-q8_0.gguf", quantized, "llama", Kind.Q8_0, Kind.Q8_0)
    base.write_golden(folder / "mixtral-q8_0.golden.json", quantized.golden)

    save(folder / "qwen3moe-bf16", make("qwen3moe", qwen3, as_bf16)[0])
    normalized = make("qwen3moe-normalized", qwen3_normalized, as_bf16)[0]
    write_gguf(folder / "qwen3moe-bf16.gguf", normalized, "qwen3moe", Kind.BF16, Kind.BF16)
    base.write_golden(folder / "qwen3moe-bf16.golden.json", normalized.golden)

    plain, quantized = make("gpt-oss", gpt_oss, as_bf16, as_bf16_and_mxfp4)
    save(folder / "gpt-oss-bf16", plain)
    save_mxfp4(folder / "gpt-oss-mxfp4", quantized, folder / "gpt-oss-bf16")
    write_gguf(folder / "gpt-oss-mxfp4.gguf", quantized, "gpt-oss", Kind.MXFP4, Kind.BF16)
    for model in folder.glob("*/config.json"):
        (model.parent / "generation_config.json").unlink(missing_ok=True)
        base.ascii_tokenizer().save(str(model.parent / "tokenizer.json"))


if __name__ == "__main__":
    main()
