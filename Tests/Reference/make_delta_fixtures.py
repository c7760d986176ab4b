"""Makes the models with gated delta nets in Tests/Fixtures/families: Qwen3.5, dense and with experts, and Qwen3-Next.

    python make_delta_fixtures.py [--llama-cpp] [NAME ...]

As make_family_fixtures.py, whose golden files it writes: random weights (seeded), Hugging Face folders as transformers
saves them, GGUF files by the conventions of llama.cpp's converter (conversion/qwen.py): value heads in turn instead of in
groups, -exp(A_log), norms with 1 added. With --llama-cpp each GGUF file is also written in F32 and compared with
llama-cpp-python. A second run gives the same files.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import quantize
from transformers import (
    AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, Qwen3_5Config, Qwen3_5ForConditionalGeneration,
    Qwen3_5MoeTextConfig, Qwen3_5TextConfig, Qwen3NextConfig,
)
from transformers.models.qwen3_5.configuration_qwen3_5 import Qwen3_5VisionConfig

import make_family_fixtures as families
from make_family_fixtures import Fixture, settings

ROPE = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}
LONG = {"golden": 40, "crossing": 60}  # answers that cross the ends of KV blocks


def text(**others: object) -> dict:
    return settings(
        num_hidden_layers=4, head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=16,
        linear_value_head_dim=16, linear_conv_kernel_dim=4, rope_parameters=copy.deepcopy(ROPE)) | others


def mixture() -> dict:
    config = text(
        num_hidden_layers=3, layer_types=["linear_attention", "full_attention", "linear_attention"], num_experts=6,
        num_experts_per_tok=2, moe_intermediate_size=16, shared_expert_intermediate_size=24,
        tie_word_embeddings=False)
    del config["intermediate_size"]
    return config


def older(config: dict) -> None:
    """As published: no rope_parameters, and full_attention_interval instead of layer_types."""
    families.older_rope(config)
    config["full_attention_interval"] = 2
    del config["layer_types"]


FIXTURES = [
    # More value heads of another size than keys, an odd kernel, biases of attention.
    Fixture("qwen3_5-text", Qwen3_5TextConfig(**text(
        linear_num_value_heads=6, linear_key_head_dim=8, linear_value_head_dim=12, linear_conv_kernel_dim=3,
        attention_bias=True, tie_word_embeddings=False,
        layer_types=["linear_attention", "full_attention"] * 2)), prompts=LONG, older_config=older),
    # A folder with the part for images, and a GGUF file of the part for text.
    Fixture("qwen3_5", Qwen3_5Config(
        text_config=text(full_attention_interval=3, rope_parameters=ROPE | {
            "mrope_section": [1, 1, 0], "mrope_interleaved": True}),
        tie_word_embeddings=True, image_token_id=129, video_token_id=130, vision_start_token_id=127,
        vision_end_token_id=128, vision_config=Qwen3_5VisionConfig(
            depth=1, hidden_size=16, intermediate_size=24, num_heads=2, patch_size=4, temporal_patch_size=1,
            spatial_merge_size=1, out_hidden_size=32, num_position_embeddings=16).to_dict()),
        prompts=LONG, gguf_config={}),
    # Experts in every layer, and one that all tokens share.
    Fixture("qwen3_5-moe", Qwen3_5MoeTextConfig(**mixture()), gguf_config={}),
    # One matrix for queries, keys, values and gates of a key head; a dense layer among those with experts.
    Fixture("qwen3_next", Qwen3NextConfig(**(mixture() | {
        "intermediate_size": 40, "mlp_only_layers": [1], "norm_topk_prob": False}))),
    Fixture("qwen3_next-gguf", Qwen3NextConfig(**(mixture() | {"intermediate_size": 40})), gguf_config={}),
]


def text_config(config: PretrainedConfig) -> PretrainedConfig:
    return getattr(config, "text_config", config)


def random_model(fixture: Fixture, seed: int) -> PreTrainedModel:
    """Every parameter drawn in the order of its name; norms near their neutral value, states that last for a while."""
    config = copy.deepcopy(fixture.config)
    model = families.model_class(config).from_config(config) if not hasattr(config, "text_config") else \
        Qwen3_5ForConditionalGeneration(config)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            neutral = 1.0 if "linear_attn.norm" in name else -2.0 if name.endswith("A_log") else 0.0
            parameter.copy_(neutral + 0.2 * noise)
        elif "embed_tokens" in name or "lm_head" in name:
            parameter.copy_(2.5 / math.sqrt(parameter.shape[1]) * noise)
        else:
            parameter.copy_(1.6 / math.sqrt(math.prod(parameter.shape[1:])) * noise)
    return model.to(fixture.dtype)


# ---------------------------------------------------------------------------------------------------------------
# GGUF files


ARCHITECTURES = {
    "qwen3_5_text": gguf.MODEL_ARCH.QWEN35, "qwen3_5_moe_text": gguf.MODEL_ARCH.QWEN35MOE,
    "qwen3_next": gguf.MODEL_ARCH.QWEN3NEXT,
}


def in_turn(array: np.ndarray, axis: int, config: PretrainedConfig, size: int) -> np.ndarray:
    """From the value heads of one key head side by side to one of each key head in turn."""
    keys, values = config.linear_num_key_heads, config.linear_num_value_heads
    shape = array.shape
    split = array.reshape(*shape[:axis], keys, values // keys, size, *shape[axis + 1:])
    return np.ascontiguousarray(split.swapaxes(axis, axis + 1)).reshape(shape)


def converted(name: str, array: np.ndarray, config: PretrainedConfig) -> list[tuple[str, np.ndarray]]:
    """What a stored tensor becomes; experts' matrices are stacked already."""
    if name.endswith("experts.gate_up_proj"):
        gate, up = np.split(array, 2, axis=1)
        return [(name.replace("gate_up_proj", kind) + ".weight", half) for kind, half in
                (("gate_proj", gate), ("up_proj", up))]
    if name.endswith("experts.down_proj"):
        return [(name + ".weight", array)]
    if name.endswith("shared_expert_gate.weight"):
        return [(name, array.squeeze(0))]
    if name.endswith("norm.weight") and "linear_attn" not in name:
        return [(name, array + 1)]
    if config.model_type == "qwen3_next":
        return converted_next(name, array, config)
    size = config.linear_value_head_dim
    first_value = 2 * config.linear_num_key_heads * config.linear_key_head_dim
    if ".conv1d" in name:
        array = array.squeeze(1)
    if ".in_proj_qkv" in name or ".conv1d" in name:
        array = np.concatenate([array[:first_value], in_turn(array[first_value:], 0, config, size)])
    elif ".in_proj_z" in name:
        array = in_turn(array, 0, config, size)
    elif any(part in name for part in (".in_proj_a", ".in_proj_b", ".A_log", ".dt_bias")):
        array = in_turn(array, 0, config, 1)
    elif "linear_attn.out_proj" in name:
        array = in_turn(array, 1, config, size)
    if name.endswith(".A_log"):
        array = -np.exp(array)
    return [(name.replace(".dt_bias", ".dt_proj.bias"), array)]


def converted_next(name: str, array: np.ndarray, config: PretrainedConfig) -> list[tuple[str, np.ndarray]]:
    """Value heads stay in groups; the matrix of a key head's queries, keys, values and gates is taken apart."""
    if ".conv1d" in name:
        array = array.squeeze(1)
    if name.endswith(".A_log"):
        array = -np.exp(array)
    if name.endswith("in_proj_qkvz.weight"):
        keys, size = config.linear_num_key_heads, config.linear_key_head_dim
        values = config.linear_num_value_heads // keys * config.linear_value_head_dim
        parts = np.split(array.reshape(keys, -1, array.shape[1]), [size, 2 * size, 2 * size + values], axis=1)
        q, k, v, z = (part.reshape(-1, array.shape[1]) for part in parts)
        return [(name.replace("qkvz", "qkv"), np.concatenate([q, k, v])), (name.replace("qkvz", "z"), z)]
    return [(name.replace(".dt_bias", ".dt_proj.bias"), array)]


def add_delta_settings(writer: gguf.GGUFWriter, config: PretrainedConfig) -> None:
    writer.add_ssm_conv_kernel(config.linear_conv_kernel_dim)
    writer.add_ssm_state_size(config.linear_key_head_dim)
    writer.add_ssm_group_count(config.linear_num_key_heads)
    writer.add_ssm_time_step_rank(config.linear_num_value_heads)
    writer.add_ssm_inner_size(config.linear_value_head_dim * config.linear_num_value_heads)
    writer.add_full_attention_interval(config.layer_types.index("full_attention") + 1)
    if hasattr(config, "num_experts"):
        writer.add_expert_count(config.num_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
        writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)
    share = config.rope_parameters["partial_rotary_factor"]
    writer.add_rope_dimension_count(int(config.head_dim * share))
    if config.model_type != "qwen3_next":
        writer.add_rope_dimension_sections([*config.rope_parameters.get("mrope_section", [1, 1, 0]), 0])


def write_gguf(path: Path, fixture: Fixture, folder: Path, kind: gguf.GGMLQuantizationType) -> None:
    config = text_config(fixture.config)
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(fixture.name)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config.vocab_size)
    if not hasattr(config, "intermediate_size"):
        config = copy.deepcopy(config)
        config.intermediate_size = config.moe_intermediate_size  # llama.cpp asks for it, and does not use it
    families.add_settings(writer, config)
    add_delta_settings(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    model = load(folder, fixture)
    for name, value in sorted(model.state_dict().items()):
        if "visual" in name or (name == "lm_head.weight" and fixture.config.tie_word_embeddings):
            continue
        for name, array in converted(name.replace("language_model.", ""), value.numpy(), config):
            isSmall = array.ndim == 1 or ".conv1d" in name or name.endswith("mlp.gate.weight")
            stored = gguf.GGMLQuantizationType.F32 if isSmall else kind
            writer.add_tensor(
                names.get_name(name, try_suffixes=(".weight", ".bias")), quantize(np.ascontiguousarray(array), stored),
                raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load(folder: Path, fixture: Fixture) -> PreTrainedModel:
    kind = Qwen3_5ForConditionalGeneration if hasattr(fixture.config, "text_config") else AutoModelForCausalLM
    return kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def compare(path: Path, fixture: Fixture, golden: dict) -> None:
    families.compare_with_llama_cpp(path, Fixture(fixture.name, text_config(fixture.config)), golden)


def make(fixture: Fixture, check_with_llama_cpp: bool) -> None:
    families.make(fixture, check_with_llama_cpp, random_model, write_gguf, compare)


if __name__ == "__main__":
    plain = families.model_class
    families.model_class = lambda config: \
        Qwen3_5ForConditionalGeneration if isinstance(config, Qwen3_5Config) else plain(config)
    families.run(FIXTURES, make)
