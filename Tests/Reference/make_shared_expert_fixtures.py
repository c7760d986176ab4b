"""Makes the models in Tests/Fixtures/families that have shared experts: Qwen2-MoE, DeepSeek V2 and V3, Llama 4.

    python make_shared_expert_fixtures.py [--llama-cpp] [NAME ...]

As make_family_fixtures.py makes its models: random weights (seeded), Hugging Face folders as transformers saves them or as
published before transformers 5, GGUF files by the conventions of llama.cpp's converter, and golden files of what
transformers computes in float32. With --llama-cpp each GGUF file is also written in F32 and compared with
llama-cpp-python. A second run gives the same files.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import quantize
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM, DeepseekV2Config, DeepseekV3Config, Llama4TextConfig, PretrainedConfig, PreTrainedModel,
    Qwen2MoeConfig,
)

import make_family_fixtures as families
from make_family_fixtures import Fixture, older_rope, older_type, settings

Kind = gguf.GGMLQuantizationType
Tensors = Iterator[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Mixture(Fixture):
    has_gguf: bool = False  # of the same weights, and computed in the same way
    has_older_gguf: bool = False  # with one matrix of all keys and values
    has_prediction_layer: bool = False  # beside the model's layers, to be ignored
    wrapped: str | None = None  # folder of the same model inside one for images


def qwen2_moe(**others: object) -> Qwen2MoeConfig:
    return Qwen2MoeConfig(**settings(
        num_hidden_layers=3, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=12,
        shared_expert_intermediate_size=20, tie_word_embeddings=False) | others)


def yarn(**others: float) -> dict:
    return {"rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 32,
            "beta_fast": 16.0, "beta_slow": 2.0} | others


def deep_seek(**others: object) -> dict:
    return settings(
        num_hidden_layers=3, num_key_value_heads=4, q_lora_rank=14, kv_lora_rank=12, qk_nope_head_dim=6,
        qk_rope_head_dim=4, v_head_dim=10, n_routed_experts=8, num_experts_per_tok=3, moe_intermediate_size=12,
        n_shared_experts=2, first_k_dense_replace=1, tie_word_embeddings=False) | others


def older_deep_seek(config: dict) -> None:
    older_type(config)
    config |= {"moe_layer_freq": 1, "ep_size": 1, "seq_aux": True, "aux_loss_alpha": 0.001, "pretraining_tp": 1}
    config["scoring_func"] = "softmax" if config["model_type"] == "deepseek_v2" else "sigmoid"
    if config["model_type"] == "deepseek_v3":
        config |= {"topk_method": "noaux_tc", "num_nextn_predict_layers": 1}
    for name in ("head_dim", "qk_head_dim", "rope_interleave", "num_mtp_layers"):
        config.pop(name, None)


def llama4(**others: object) -> Llama4TextConfig:
    return Llama4TextConfig(**settings(
        num_hidden_layers=4, head_dim=8, intermediate_size=12, intermediate_size_mlp=20, num_local_experts=5,
        num_experts_per_tok=2, interleave_moe_layer_step=2, tie_word_embeddings=False, rope_parameters={
            "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32}) | others)


def older_llama4(config: dict) -> None:
    older_rope(config)
    config["no_rope_layers"] = []
    for name in ("layer_types", "moe_layers"):
        config.pop(name)


FIXTURES = [
    Mixture("qwen2moe", qwen2_moe(mlp_only_layers=[1], norm_topk_prob=True), older_config=older_rope),
    Mixture("qwen2moe-sparse", qwen2_moe(num_hidden_layers=2, num_key_value_heads=1), dtype=torch.float16, has_gguf=True),
    Mixture("deepseek2-lite", DeepseekV2Config(**deep_seek(
        q_lora_rank=None, rms_norm_eps=1e-6, rope_parameters=yarn(mscale=0.707, mscale_all_dim=0.707))),
        older_config=older_deep_seek, has_gguf=True, has_older_gguf=True),
    Mixture("deepseek2-groups", DeepseekV2Config(**deep_seek(
        num_attention_heads=8, num_key_value_heads=8, rms_norm_eps=1e-2, topk_method="group_limited_greedy", n_group=4,
        topk_group=2, routed_scaling_factor=1.7, rope_parameters=yarn(mscale=1.0, mscale_all_dim=0.5))),
        dtype=torch.float16),
    Mixture("deepseek3", DeepseekV3Config(**deep_seek(
        rms_norm_eps=1e-6, n_group=4, topk_group=2, routed_scaling_factor=1.5, n_shared_experts=1,
        rope_parameters=yarn(mscale=1.0, mscale_all_dim=1.0))),
        older_config=older_deep_seek, has_gguf=True, has_prediction_layer=True),
    Mixture("deepseek3-plain", DeepseekV3Config(**deep_seek(
        q_lora_rank=None, first_k_dense_replace=0, num_hidden_layers=2, n_group=1, topk_group=1, norm_topk_prob=False,
        rope_interleave=False)), dtype=torch.float16),
    Mixture("llama4-text", llama4(
        attention_chunk_size=16, floor_scale=12, attn_scale=0.4, no_rope_layer_interval=3), older_config=older_llama4,
        wrapped="llama4"),
    Mixture("llama4-gguf", llama4(num_hidden_layers=5, num_experts_per_tok=1), dtype=torch.float16, has_gguf=True),
    Mixture("llama4-dense", llama4(
        num_hidden_layers=3, moe_layers=[1], no_rope_layers=[1, 0, 1], use_qk_norm=False, attn_temperature_tuning=False,
        attention_chunk_size=10, num_key_value_heads=1)),
]

# ---------------------------------------------------------------------------------------------------------------
# Folders


def make(fixture: Mixture, check_with_llama_cpp: bool) -> None:
    folder = families.FOLDER / fixture.name
    _, golden = families.find_seed(
        fixture, folder, lambda seed: save(families.random_model(fixture, seed), seed, folder))
    if fixture.has_prediction_layer:
        add_prediction_layer(folder / "model.safetensors", fixture.config.num_hidden_layers)
    if fixture.wrapped:
        wrap(folder, families.FOLDER / fixture.wrapped)
    if fixture.has_older_gguf:
        older = families.FOLDER / f"{fixture.name}-older"
        shutil.rmtree(older, ignore_errors=True)
        older.mkdir()
        families.write_golden(older / "golden.json", golden["golden"])
        shutil.copy(folder / "config.json", older)
        write_gguf(older / "model.gguf", fixture, folder, Kind.BF16, is_older=True)
    if not fixture.has_gguf:
        return
    kind = Kind.F16 if fixture.dtype == torch.float16 else Kind.BF16
    write_gguf(folder / "model.gguf", fixture, folder, kind)
    if check_with_llama_cpp:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "model.gguf"
            write_gguf(path, fixture, folder, Kind.F32)
            families.compare_with_llama_cpp(path, fixture, golden)


def save(model: PreTrainedModel, seed: int, folder: Path) -> None:
    generator = torch.Generator().manual_seed(2000 + seed)
    for name, buffer in sorted(model.named_buffers()):
        if name.endswith("e_score_correction_bias"):
            buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
    families.save_model(model, folder)


def wrap(text: Path, folder: Path) -> None:
    """The same model as the part for text of one for text and images, named as published."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(text / "golden.json", folder)
    config = json.loads((text / "config.json").read_text()) | {"attn_temperature_tuning": 4}  # as published
    outer = {
        "architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "image_token_index": 130,
        "text_config": config, "torch_dtype": "bfloat16", "vision_config": {"model_type": "llama4_vision_model"}}
    (folder / "config.json").write_text(json.dumps(outer, indent=2) + "\n")
    tensors = {f"language_model.{name}": value for name, value in load_file(text / "model.safetensors").items()}
    tensors["vision_model.class_embedding"] = torch.zeros(4, dtype=torch.bfloat16)
    tensors["multi_modal_projector.linear_1.weight"] = torch.zeros(4, 4, dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def add_prediction_layer(path: Path, layer: int) -> None:
    """Some of the tensors of a layer that guesses further tokens, as DeepSeek V3's files have one after the last."""
    tensors = load_file(path)
    for name in [name for name in tensors if name.startswith(f"model.layers.{layer - 1}.")]:
        tensors[name.replace(f".{layer - 1}.", f".{layer}.", 1)] = tensors[name].clone()
    tensors[f"model.layers.{layer}.eh_proj.weight"] = torch.zeros(4, 8, dtype=torch.bfloat16)
    save_file(tensors, path, {"format": "pt"})


# ---------------------------------------------------------------------------------------------------------------
# GGUF files, by the conventions of llama.cpp's convert_hf_to_gguf.py

ARCHITECTURES = {
    "qwen2_moe": gguf.MODEL_ARCH.QWEN2MOE, "deepseek_v2": gguf.MODEL_ARCH.DEEPSEEK2,
    "deepseek_v3": gguf.MODEL_ARCH.DEEPSEEK2, "llama4_text": gguf.MODEL_ARCH.LLAMA4,
}


def write_gguf(path: Path, fixture: Mixture, folder: Path, kind: Kind, is_older: bool = False) -> None:
    config = fixture.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(fixture.name)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config.vocab_size)
    if architecture == gguf.MODEL_ARCH.DEEPSEEK2:
        add_deep_seek(writer, config, is_older)
    elif architecture == gguf.MODEL_ARCH.LLAMA4:
        add_llama4(writer, config)
    else:
        add_mixture(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, array in converted(folder, config, is_older):
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        type = kind if array.ndim > 1 and "ffn_gate_inp" not in stored else Kind.F32
        writer.add_tensor(stored, quantize(np.ascontiguousarray(array), type), raw_dtype=type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_mixture(writer: gguf.GGUFWriter, config: PretrainedConfig) -> None:
    families.add_settings(writer, config)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_count(config.num_experts)
    writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)


def add_deep_seek(writer: gguf.GGUFWriter, config: PretrainedConfig, is_older: bool) -> None:
    rope, is_v3 = config.rope_parameters, config.model_type == "deepseek_v3"
    key_length = config.qk_nope_head_dim + config.qk_rope_head_dim
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_attention_heads if is_older else 1)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_leading_dense_block_count(config.first_k_dense_replace)
    if config.q_lora_rank is not None:
        writer.add_q_lora_rank(config.q_lora_rank)
    writer.add_kv_lora_rank(config.kv_lora_rank)
    if is_older:
        writer.add_key_length(key_length)
        writer.add_value_length(config.v_head_dim)
    else:
        writer.add_key_length(config.kv_lora_rank + config.qk_rope_head_dim)
        writer.add_value_length(config.kv_lora_rank)
        writer.add_key_length_mla(key_length)
        writer.add_value_length_mla(config.v_head_dim)
    writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    writer.add_expert_count(config.n_routed_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_shared_count(config.n_shared_experts)
    writer.add_expert_weights_scale(config.routed_scaling_factor)
    if is_v3:
        writer.add_expert_weights_norm(config.norm_topk_prob)
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
        writer.add_expert_group_count(config.n_group)
        writer.add_expert_group_used_count(config.topk_group)
    writer.add_rope_dimension_count(config.qk_rope_head_dim)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(rope["factor"])
    writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
    writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])


def add_llama4(writer: gguf.GGUFWriter, config: PretrainedConfig) -> None:
    rope = config.rope_parameters
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size_mlp)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_expert_count(config.num_local_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_feed_forward_length(config.intermediate_size)
    writer.add_interleave_moe_layer_step(config.interleave_moe_layer_step)
    frequencies = 1 / rope["rope_theta"] ** (np.arange(0, config.head_dim, 2) / config.head_dim)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    factors = []
    for wavelength in 2 * np.pi / frequencies:
        turns = rope["original_max_position_embeddings"] / wavelength
        smooth = min(max((turns - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    writer.add_tensor("rope_freqs.weight", np.array(factors, np.float32))


def converted(folder: Path, config: PretrainedConfig, is_older: bool) -> Tensors:
    """The tensors of a folder under the names by which gguf knows them, in the form of GGUF files."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for name, value in sorted(model.state_dict().items()):
        array = value.numpy()
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if name.endswith("shared_expert_gate.weight"):
            yield name, array[0]
        elif "feed_forward.experts." in name:  # [experts, in, out]
            array = array.swapaxes(1, 2)
            half = array.shape[1] // 2
            if name.endswith("down_proj"):
                yield name + ".weight", array
            else:
                yield name.replace("gate_up_proj", "gate_proj.weight"), array[:, :half]
                yield name.replace("gate_up_proj", "up_proj.weight"), array[:, half:]
        elif name.endswith("experts.gate_up_proj"):
            half = array.shape[1] // 2
            yield name.replace("gate_up_proj", "gate_proj.weight"), array[:, :half]
            yield name.replace("gate_up_proj", "up_proj.weight"), array[:, half:]
        elif name.endswith("experts.down_proj"):
            yield name + ".weight", array
        elif name.endswith("e_score_correction_bias"):
            yield name.replace("e_score_correction_bias", "e_score_correction.bias"), array
        elif name.endswith("kv_b_proj.weight") and not is_older:
            heads = array.reshape(config.num_attention_heads, -1, config.kv_lora_rank)
            yield name.replace("kv_b_proj", "k_b_proj"), heads[:, :config.qk_nope_head_dim].swapaxes(1, 2)
            yield name.replace("kv_b_proj", "v_b_proj"), heads[:, config.qk_nope_head_dim:]
        else:
            yield name, array


if __name__ == "__main__":
    families.run(FIXTURES, make)
