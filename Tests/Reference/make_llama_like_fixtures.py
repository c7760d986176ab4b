"""Makes models in Tests/Fixtures/families of the families that are built like Llama and came after the first ones.

    python make_llama_like_fixtures.py [--llama-cpp] [NAME ...]

The machinery, and what a golden file holds, is that of make_family_fixtures.py. README.md beside this file describes the
folders. A second run gives the same files.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf.quants import quantize
from transformers import (
    AutoModelForCausalLM, Ernie4_5Config, Exaone4Config, GemmaConfig, Glm4Config, GlmConfig, GraniteConfig, GraniteMoeConfig, Ministral3Config,
    Mistral3Config, Mistral3ForConditionalGeneration, MistralConfig, Olmo3Config, PretrainedConfig, PreTrainedModel,
    PixtralVisionConfig, SeedOssConfig, SmolLM3Config, Starcoder2Config,
)

import make_family_fixtures as families
from make_family_fixtures import Fixture, add_settings, interleave_rotary_rows, older_rope, settings

PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 500000.0, "original_max_position_embeddings": 16}
MINISTRAL_YARN = {
    "rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 16,
    "beta_fast": 16.0, "beta_slow": 2.0, "mscale": 1.0, "mscale_all_dim": 0.5, "llama_4_scaling_beta": 0.4,
}


def older_gemma(config: dict) -> None:
    older_rope(config)
    config["hidden_act"] = "gelu"  # means the form with tanh
    config["hidden_activation"] = None


def older_smollm3(config: dict) -> None:
    older_rope(config)
    del config["layer_types"]
    del config["no_rope_layers"]


def older_olmo3(config: dict) -> None:
    full = config.pop("rope_parameters")["full_attention"]
    config["rope_theta"] = full.pop("rope_theta")
    config["rope_scaling"] = full
    del config["layer_types"]
    config["torch_dtype"] = config.pop("dtype")


def older_exaone4(config: dict) -> None:
    older_rope(config)
    del config["layer_types"]


def without_images(text_config: PretrainedConfig, **others: object) -> Mistral3Config:
    """A model for text and images around a text model; images are of no interest here."""
    return Mistral3Config(
        text_config=text_config.to_dict(), image_token_index=130, vision_config=PixtralVisionConfig(
            hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=28,
            patch_size=14).to_dict(), **others)


FIXTURES = [
    Fixture("gemma", GemmaConfig(**settings(num_hidden_layers=3, num_key_value_heads=1, head_dim=12)),
        older_config=older_gemma, gguf_config={}),
    Fixture("smollm3", SmolLM3Config(**settings(num_hidden_layers=5)), dtype=torch.float16, older_config=older_smollm3,
        gguf_config={}),
    Fixture("smollm3-window", SmolLM3Config(**settings(
        num_hidden_layers=4, no_rope_layers=[0, 1, 1, 0], use_sliding_window=True, sliding_window=8,
        attention_bias=True, mlp_bias=True, tie_word_embeddings=False, rope_parameters=YARN))),
    Fixture("granite", GraniteConfig(**settings(
        num_hidden_layers=3, embedding_multiplier=2.5, attention_multiplier=0.21, residual_multiplier=0.6,
        logits_scaling=1.7, attention_bias=True, mlp_bias=True)), older_config=older_rope, gguf_config={}),
    Fixture("granitemoe", GraniteMoeConfig(**settings(
        num_hidden_layers=2, intermediate_size=16, embedding_multiplier=2.5, attention_multiplier=0.21,
        residual_multiplier=0.6, logits_scaling=1.7, num_local_experts=6, num_experts_per_tok=2)), gguf_config={}),
    Fixture("olmo3", Olmo3Config(**settings(
        num_hidden_layers=5, sliding_window=8, tie_word_embeddings=False, rope_parameters={
            "full_attention": YARN, "sliding_attention": PLAIN | {"rope_theta": 500000.0}})),
        dtype=torch.float16, older_config=older_olmo3, gguf_config={}),
    Fixture("olmo3-types", Olmo3Config(**settings(
        num_hidden_layers=3, sliding_window=12, num_key_value_heads=4, attention_bias=True,
        layer_types=["full_attention", "sliding_attention", "full_attention"],
        rope_parameters={"full_attention": YARN | {"attention_factor": 1.3}, "sliding_attention": PLAIN}))),
    Fixture("ministral3", Ministral3Config(**settings(
        num_hidden_layers=3, head_dim=12, tie_word_embeddings=False, rope_parameters=MINISTRAL_YARN)), gguf_config={}),
    Fixture("mistral3", without_images(MistralConfig(**settings(
        head_dim=12, sliding_window=None, tie_word_embeddings=False)), tie_word_embeddings=False),
        dtype=torch.float16, gguf_config={}),
    Fixture("mistral3-ministral3", without_images(Ministral3Config(**settings(
        head_dim=12, sliding_window=24, rope_parameters=MINISTRAL_YARN | {"mscale": 0.7})))),
    Fixture("glm4", Glm4Config(**settings(
        num_hidden_layers=3, head_dim=12, num_key_value_heads=1, tie_word_embeddings=False,
        rope_parameters=PLAIN | {"partial_rotary_factor": 0.5})), gguf_config={}),
    Fixture("glm", GlmConfig(**settings(
        head_dim=8, tie_word_embeddings=False, rope_parameters=PLAIN | {"partial_rotary_factor": 0.75})),
        dtype=torch.float16, older_config=older_rope, gguf_config={}),
    Fixture("seed-oss", SeedOssConfig(**settings(head_dim=12, tie_word_embeddings=False)), gguf_config={}),
    Fixture("ernie4_5", Ernie4_5Config(**settings(head_dim=12)), dtype=torch.float16, gguf_config={}),
    Fixture("ernie4_5-bias", Ernie4_5Config(**settings(head_dim=8, use_bias=True, tie_word_embeddings=False)),
        older_config=older_rope),
    Fixture("exaone4", Exaone4Config(**settings(sliding_window=None, layer_types=["full_attention"] * 2)), gguf_config={}),
    Fixture("exaone4-window", Exaone4Config(**settings(
        num_hidden_layers=4, sliding_window=8, sliding_window_pattern=3, tie_word_embeddings=False)),
        older_config=older_exaone4),
    Fixture("starcoder2", Starcoder2Config(**settings(norm_epsilon=1e-4)), gguf_config={}),
    Fixture("starcoder2-window", Starcoder2Config(**settings(
        sliding_window=12, use_bias=False, num_key_value_heads=1, tie_word_embeddings=False)), dtype=torch.float16,
        older_config=older_rope),
]


def text_config(config: PretrainedConfig) -> PretrainedConfig:
    return config.text_config if isinstance(config, Mistral3Config) else config


def model_class(config: PretrainedConfig) -> type:
    return Mistral3ForConditionalGeneration if isinstance(config, Mistral3Config) else AutoModelForCausalLM


def random_model(fixture: Fixture, seed: int) -> PreTrainedModel:
    """Every parameter drawn in the order of its name, rounded to the stored type; norms near their neutral value."""
    config = copy.deepcopy(fixture.config)
    kind = model_class(config)
    model = kind(config) if kind is not AutoModelForCausalLM else kind.from_config(config)
    # Else scaled embeddings outweigh all that is added: tokens would repeat themselves.
    gain = 6.0 if config.model_type in ("gemma", "granite", "granitemoe") else 1.4
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            neutral = 1.0 if name.endswith("norm.weight") and config.model_type != "gemma" else 0.0
            parameter.copy_(neutral + 0.2 * noise)
        elif "embed_tokens" in name or "lm_head" in name:
            parameter.copy_(2.5 / math.sqrt(parameter.shape[1]) * noise)
        else:
            is_output = name.endswith(("o_proj.weight", "down_proj.weight", "experts.down_proj"))
            parameter.copy_((gain if is_output else 1.4) / math.sqrt(parameter.shape[-1]) * noise)
    return model.to(fixture.dtype)


families.model_class = model_class  # by which golden values are computed


def compare(path: Path, fixture: Fixture, golden: dict) -> None:
    # With a golden file of its own it looks at the text model's rotary positions.
    families.compare_with_llama_cpp(path, Fixture(fixture.name, text_config(fixture.config), gguf_config={}), golden)


def make(fixture: Fixture, check_with_llama_cpp: bool) -> None:
    families.make(fixture, check_with_llama_cpp, random_model, write_gguf, compare)


# ---------------------------------------------------------------------------------------------------------------
# GGUF files, by the conventions of llama.cpp's converter (conversion/*.py)


ARCHITECTURES = {
    "gemma": gguf.MODEL_ARCH.GEMMA, "smollm3": gguf.MODEL_ARCH.SMOLLM3, "granite": gguf.MODEL_ARCH.GRANITE,
    "granitemoe": gguf.MODEL_ARCH.GRANITE_MOE, "olmo3": gguf.MODEL_ARCH.OLMO2, "ministral3": gguf.MODEL_ARCH.MISTRAL3,
    "seed_oss": gguf.MODEL_ARCH.SEED_OSS, "ernie4_5": gguf.MODEL_ARCH.ERNIE4_5, "exaone4": gguf.MODEL_ARCH.EXAONE4,
    "starcoder2": gguf.MODEL_ARCH.STARCODER2,
    "mistral": gguf.MODEL_ARCH.MISTRAL3, "glm4": gguf.MODEL_ARCH.GLM4, "glm": gguf.MODEL_ARCH.CHATGLM,
}
# The converters of these families go back to Llama's, which pairs neighbouring rows of queries and keys.
PAIRS_NEIGHBOURS = ["smollm3", "granite", "granitemoe", "ministral3", "mistral"]


def add_own_settings(writer: gguf.GGUFWriter, config: PretrainedConfig) -> None:
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if config.model_type == "starcoder2":
        writer.add_layer_norm_eps(config.norm_epsilon)
    if config.model_type in PAIRS_NEIGHBOURS:
        writer.add_rope_dimension_count(head_size)
    if config.model_type in ("granite", "granitemoe"):
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    if config.model_type == "granitemoe":
        writer.add_expert_count(config.num_local_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    if config.model_type == "olmo3":
        writer.add_sliding_window(config.sliding_window)
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config.layer_types])
    if config.model_type == "ministral3":
        writer.add_rope_scaling_yarn_log_mul(config.rope_parameters["mscale_all_dim"])
        writer.add_attn_temperature_scale(config.rope_parameters["llama_4_scaling_beta"])
    if config.model_type in ("glm", "glm4"):
        writer.add_rope_dimension_count(int(head_size * config.rope_parameters["partial_rotary_factor"]))


def stored_tensors(config: PretrainedConfig, name: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What the converter makes of one tensor."""
    if config.model_type == "gemma" and name.endswith("norm.weight"):
        array = array + 1
    if config.model_type in PAIRS_NEIGHBOURS:
        if name.endswith(("q_proj.weight", "q_proj.bias")):
            array = interleave_rotary_rows(array, config.num_attention_heads)
        if name.endswith(("k_proj.weight", "k_proj.bias")):
            array = interleave_rotary_rows(array, config.num_key_value_heads)
    if name.endswith("experts.gate_up_proj"):
        gate, up = np.split(array, 2, axis=1)
        prefix = f"blk.{name.split('.')[2]}."
        return [(prefix + "ffn_gate_exps.weight", gate), (prefix + "ffn_up_exps.weight", up)]
    return [(name.replace("experts.down_proj", "output_linear.weight").replace("router.weight", "router.layer.weight"),
        array)]


def write_gguf(path: Path, fixture: Fixture, folder: Path, kind: gguf.GGMLQuantizationType) -> None:
    config = text_config(fixture.config)
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(fixture.name)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config.vocab_size)
    add_settings(writer, config)
    add_own_settings(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    model = model_class(fixture.config).from_pretrained(folder, dtype=torch.float32)
    for name, value in sorted(model.state_dict().items()):
        if "vision_tower" in name or "multi_modal_projector" in name:
            continue
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        for name, array in stored_tensors(config, name.replace("language_model.", ""), value.numpy()):
            stored = kind if array.ndim > 1 else gguf.GGMLQuantizationType.F32
            writer.add_tensor(
                name if name.startswith("blk.") else names.get_name(name, try_suffixes=(".weight", ".bias")),
                quantize(np.ascontiguousarray(array), stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    families.run(FIXTURES, make)
