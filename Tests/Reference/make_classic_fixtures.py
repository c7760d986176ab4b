"""Makes the models of the older families in Tests/Fixtures/families: GPT-2's variants, Phi-2, GPT-NeoX, GPT-Neo, InternLM 2.

    python make_classic_fixtures.py [--llama-cpp] [NAME ...]

As make_family_fixtures.py, whose rules for seeds and golden files hold here. InternLM 2 is not a part of transformers: its
golden values are those of a Llama of the same weights, which are then stored under InternLM 2's names, its queries, keys
and values in one matrix, group by group. GGUF files are by the conventions of llama.cpp's converter. With --llama-cpp each
is also written in F32 and compared with llama-cpp-python, which computes every GELU by tanh: where the model has the exact
one, golden values of the same weights with tanh are made for this comparison.
"""

from __future__ import annotations

import copy
import json
import math
import shutil
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import quantize
from make_family_fixtures import (
    CROSSING, FOLDER, Fixture, all_golden, compare_with_llama_cpp, interleave_rotary_rows, older_rope, run, settings,
    write_golden,
)
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM, GPT2Config, GPTNeoConfig, GPTNeoXConfig, LlamaConfig, PhiConfig, PreTrainedModel,
)


# ---------------------------------------------------------------------------------------------------------------
# The models


def gpt2(**others: object) -> GPT2Config:
    return GPT2Config(**{
        "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128, "vocab_size": 131, "bos_token_id": 1,
        "eos_token_id": 2} | others)


def phi(**others: object) -> PhiConfig:
    return PhiConfig(**settings(layer_norm_eps=1e-5, tie_word_embeddings=False) | others)


def neox(**others: object) -> GPTNeoXConfig:
    return GPTNeoXConfig(**settings(layer_norm_eps=1e-5, tie_word_embeddings=False, rope_parameters=None) | others)


def neo(**others: object) -> GPTNeoConfig:
    return GPTNeoConfig(**{
        "hidden_size": 32, "num_layers": 4, "num_heads": 4, "max_position_embeddings": 128, "vocab_size": 131,
        "bos_token_id": 1, "eos_token_id": 2} | others)


def older(config: dict) -> None:
    config["torch_dtype"] = config.pop("dtype")


def older_neox(config: dict) -> None:
    rope = config.pop("rope_parameters")
    config["rotary_emb_base"] = rope["rope_theta"]
    config["rotary_pct"] = rope["partial_rotary_factor"]
    older(config)


INTERNLM2_ROPE = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}

FIXTURES = [
    Fixture("gpt2-gelu", gpt2(activation_function="gelu", n_inner=56), older_config=older, gguf_config={}),
    Fixture("gpt2-scales", gpt2(
        activation_function="gelu_fast", scale_attn_by_inverse_layer_idx=True, scale_attn_weights=False,
        tie_word_embeddings=False), dtype=torch.float32),
    Fixture("phi", phi(num_key_value_heads=4, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}), older_config=older_rope,
        gguf_config={}),
    Fixture("phi-grouped", phi(num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=3, rope_parameters={
        "rope_type": "dynamic", "factor": 2.0, "rope_theta": 5000.0, "partial_rotary_factor": 0.4},
        max_position_embeddings=32), dtype=torch.float16, prompts=CROSSING),
    Fixture("gptneox", neox(num_hidden_layers=3, rope_parameters={
        "rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.25}), dtype=torch.float16,
        older_config=older_neox, gguf_config={}),
    Fixture("gptneox-sequential", neox(
        num_attention_heads=2, use_parallel_residual=False, hidden_act="gelu_new", attention_bias=False,
        rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0, "partial_rotary_factor": 0.75}),
        gguf_config={}),
    Fixture("gpt-neo", neo(
        attention_types=[[["global", "local"], 1], [["local"], 2]], window_size=8, intermediate_size=56),
        older_config=older),
    Fixture("internlm2", LlamaConfig(**settings(
        num_attention_heads=6, num_key_value_heads=2, hidden_size=36, num_hidden_layers=3, tie_word_embeddings=False,
        attention_bias=True, max_position_embeddings=32, rope_parameters=INTERNLM2_ROPE)), prompts=CROSSING,
        gguf_config={  # the format knows no dynamic NTK
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "max_position_embeddings": 128}),
]


def random_model(fixture: Fixture, seed: int) -> PreTrainedModel:
    """Every parameter drawn in the order of its name, rounded to the stored type; norms near their neutral value."""
    model = AutoModelForCausalLM.from_config(copy.deepcopy(fixture.config))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = "norm" in name or ".ln_" in name
        if parameter.dim() == 1:
            parameter.copy_((1.0 if is_norm and name.endswith("weight") else 0.0) + 0.2 * noise)
        elif any(part in name for part in ("embed", "wte", "lm_head")):
            parameter.copy_(2.5 / math.sqrt(parameter.shape[1]) * noise)
        elif "wpe" in name:
            parameter.copy_(0.5 * noise)
        else:
            inputs = parameter.shape[0] if fixture.config.model_type == "gpt2" else parameter.shape[1]
            # Scores that nothing divides must not become as good as an argmax.
            scale = 0.9 if "gpt-neo" in fixture.name or "scales" in fixture.name else 1.4
            parameter.copy_(scale / math.sqrt(inputs) * noise)
    return model.to(fixture.dtype)


# ---------------------------------------------------------------------------------------------------------------
# InternLM 2


def save_internlm2(model: PreTrainedModel, folder: Path) -> None:
    """The weights of a Llama as modeling_internlm2.py of internlm/internlm2_5-7b has them, with a config.json as published."""
    config = model.config
    groups, size = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
    llama = model.state_dict()
    tensors = {
        "model.tok_embeddings.weight": llama["model.embed_tokens.weight"], "model.norm.weight": llama["model.norm.weight"],
        "output.weight": llama["lm_head.weight"],
    }
    for layer in range(config.num_hidden_layers):
        old, new = f"model.layers.{layer}.", f"model.layers.{layer}."
        for kind in ("weight", "bias"):
            parts = [llama[f"{old}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            grouped = torch.cat([part.reshape(groups, -1, size, *part.shape[1:]) for part in parts], 1)
            tensors[f"{new}attention.wqkv.{kind}"] = grouped.reshape(-1, *parts[0].shape[1:])
            tensors[f"{new}attention.wo.{kind}"] = llama[f"{old}self_attn.o_proj.{kind}"]
        tensors[f"{new}attention_norm.weight"] = llama[f"{old}input_layernorm.weight"]
        tensors[f"{new}ffn_norm.weight"] = llama[f"{old}post_attention_layernorm.weight"]
        for w, part in (("w1", "gate"), ("w3", "up"), ("w2", "down")):
            tensors[f"{new}feed_forward.{w}.weight"] = llama[f"{old}mlp.{part}_proj.weight"]
    folder.mkdir(parents=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors",
              metadata={"format": "pt"})
    published = {
        "architectures": ["InternLM2ForCausalLM"], "attn_implementation": "eager", "auto_map": {
            "AutoConfig": "configuration_internlm2.InternLM2Config",
            "AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM"},
        "bias": True, "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": config.hidden_size,
        "initializer_range": 0.02, "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings, "model_type": "internlm2",
        "num_attention_heads": config.num_attention_heads, "num_hidden_layers": config.num_hidden_layers,
        "num_key_value_heads": groups, "pad_token_id": 2, "rms_norm_eps": config.rms_norm_eps,
        "rope_scaling": {"type": "dynamic", "factor": INTERNLM2_ROPE["factor"]},
        "rope_theta": INTERNLM2_ROPE["rope_theta"], "tie_word_embeddings": False, "torch_dtype": "bfloat16",
        "use_cache": True, "vocab_size": config.vocab_size,
    }
    (folder / "config.json").write_text(json.dumps(published, indent=2) + "\n")


# ---------------------------------------------------------------------------------------------------------------
# GGUF files


ARCHITECTURES = {
    "gpt2": gguf.MODEL_ARCH.GPT2, "phi": gguf.MODEL_ARCH.PHI2, "gpt_neox": gguf.MODEL_ARCH.GPTNEOX,
    "internlm2": gguf.MODEL_ARCH.INTERNLM2,
}


def family(fixture: Fixture) -> str:
    return "internlm2" if fixture.name == "internlm2" else fixture.config.model_type


def add_settings(writer: gguf.GGUFWriter, fixture: Fixture) -> None:
    config, kind = fixture.config, family(fixture)
    heads = config.num_attention_heads
    writer.add_context_length((fixture.gguf_config or {}).get("max_position_embeddings", config.max_position_embeddings))
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    inner = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * config.hidden_size
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    if kind == "gpt2":
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    if kind == "internlm2":
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
        writer.add_rope_dimension_count(config.hidden_size // heads)
        return
    writer.add_layer_norm_eps(config.layer_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_dimension_count(int(config.hidden_size // heads * rope["partial_rotary_factor"]))
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "phi":
        writer.add_head_count_kv(config.num_key_value_heads)
    else:
        writer.add_parallel_residual(config.use_parallel_residual)
        if config.hidden_act != "gelu":  # the converter says nothing of it
            writer.add_string("gptneox.hidden_activation", config.hidden_act)


def gguf_tensors(fixture: Fixture, model: PreTrainedModel) -> dict[str, np.ndarray]:
    """By GGUF's names, as the converter makes them of the model."""
    config, kind = fixture.config, family(fixture)
    names = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH.LLAMA if kind == "internlm2" else ARCHITECTURES[kind], config.num_hidden_layers)
    tensors = {}
    for name, value in sorted(model.state_dict().items()):
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = value.numpy()
        if kind == "gpt2" and array.ndim == 2 and ".h." in name:
            array = array.T
        if "query_key_value" in name:
            heads = config.num_attention_heads
            array = array.reshape(heads, 3, config.hidden_size // heads, *array.shape[1:]).swapaxes(0, 1)
            array = array.reshape(3 * config.hidden_size, *array.shape[3:])
        if kind == "internlm2" and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            array = interleave_rotary_rows(array, heads)
        tensors[names.get_name(name, try_suffixes=(".weight", ".bias"))] = np.ascontiguousarray(array)
    return tensors


def write_gguf(path: Path, fixture: Fixture, model: PreTrainedModel, kind: gguf.GGMLQuantizationType) -> None:
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[family(fixture)]])
    writer.add_name(fixture.name)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(fixture.config.vocab_size)
    add_settings(writer, fixture)
    if fixture.name == "gpt2-gelu":  # the converter says nothing of it
        writer.add_string("gpt2.hidden_activation", "gelu")
    for name, array in gguf_tensors(fixture, model).items():
        stored = kind if array.ndim > 1 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, quantize(array, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# ---------------------------------------------------------------------------------------------------------------


def matters(fixture: Fixture, folder: Path, golden: dict) -> None:
    """Each feature of a fixture must change what the model says, or else a reader could ignore it unseen."""
    ignored = {
        "gpt2-gelu": [{"activation_function": "gelu_new"}],
        "gpt2-scales": [{"scale_attn_by_inverse_layer_idx": False}, {"scale_attn_weights": True}],
        "phi": [{"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}}],
        "gptneox": [{"use_parallel_residual": False}, {"hidden_act": "gelu_new"}],
        "gptneox-sequential": [{"use_parallel_residual": True}, {"hidden_act": "gelu"}],
        "gpt-neo": [{"window_size": 9}, {"attention_layers": ["local", "global", "local", "local"]}],
    }
    tokens = torch.tensor([golden["golden"]["prompt_tokens"]])
    expected = torch.tensor(golden["golden"]["prompt_last_logits"])
    for change in ignored.get(fixture.name, []):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **change)
        difference = float((model(tokens).logits[0, -1] - expected).abs().max())
        print(f"    without {', '.join(change)}: {difference:.1e}")
        if difference < 3e-4:
            raise SystemExit(f"{fixture.name}: {change} makes no difference")


def make(fixture: Fixture, check_with_llama_cpp: bool) -> None:
    """Tries seeds until every golden continuation is varied and never close to a tie."""
    folder = FOLDER / fixture.name
    with tempfile.TemporaryDirectory() as temporary:
        for seed in range(1, 1000):
            shutil.rmtree(folder, ignore_errors=True)
            model = random_model(fixture, seed)
            # What transformers reads: for InternLM 2 a Llama elsewhere.
            readable = Path(temporary) / str(seed) if fixture.name == "internlm2" else folder
            model.save_pretrained(readable)
            (readable / "generation_config.json").unlink(missing_ok=True)
            if fixture.older_config:
                path = folder / "config.json"
                config = json.loads(path.read_text())
                fixture.older_config(config)
                path.write_text(json.dumps(config, indent=2) + "\n")
            golden = all_golden(readable, fixture, seed)
            if golden is not None:
                break
        else:
            raise SystemExit(f"{fixture.name}: no seed gives a varied continuation without near ties")
        if fixture.name == "internlm2":
            save_internlm2(model, folder)
        matters(fixture, readable, golden)
        for name, one in golden.items():
            write_golden(folder / f"{name}.json", one)
        print(f"{fixture.name}: seed {seed}", flush=True)
        if fixture.gguf_config is None:
            return
        model = model.float()
        kind = gguf.GGMLQuantizationType.F16 if fixture.dtype == torch.float16 else gguf.GGMLQuantizationType.BF16
        write_gguf(folder / "model.gguf", fixture, model, kind)
        if check_with_llama_cpp and fixture.name != "gptneox-sequential":  # it wants biases on attention
            path = Path(temporary) / "model.gguf"
            write_gguf(path, fixture, model, gguf.GGMLQuantizationType.F32)
            tanh = {"gpt2-gelu": "activation_function", "gptneox": "hidden_act"}.get(fixture.name)
            if tanh:
                changed = Path(temporary) / "tanh"
                shutil.copytree(readable, changed)
                config = json.loads((changed / "config.json").read_text())
                (changed / "config.json").write_text(json.dumps(config | {tanh: "gelu_new"}))
                golden = all_golden(changed, fixture, seed) or {}
            compare_with_llama_cpp(path, fixture, golden)


if __name__ == "__main__":
    run(FIXTURES, make)
