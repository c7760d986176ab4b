"""Makes the models in Tests/Fixtures/families: one or more of each family that has its own arithmetic.

    python make_family_fixtures.py [--llama-cpp] [NAME ...]

Models have random weights (seeded) and few numbers; they are Hugging Face folders as transformers saves them, some with a
config.json as published before transformers 5, and GGUF files by the conventions of llama.cpp's converter. Each golden file
holds what transformers computes in float32 from exactly the stored weights: log-probabilities and 64 greedy tokens of
`generate` with its cache, which is what decides for dynamic NTK and longrope. With --llama-cpp each GGUF file is also
written in F32 and compared with llama-cpp-python. README.md beside this file describes the folders. A second run gives the
same files.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf.quants import quantize
from transformers import (
    AutoModelForCausalLM, Gemma2Config, Gemma3Config, Gemma3ForConditionalGeneration, Gemma3TextConfig, LlamaConfig,
    MistralConfig, Olmo2Config, Phi3Config, PretrainedConfig, PreTrainedModel, Qwen2Config, Qwen3Config, SiglipVisionConfig,
)

FOLDER = Path(__file__).resolve().parent.parent / "Fixtures/families"
GREEDY_STEPS = 64
SMALLEST_MARGIN = 0.004  # between the two best logits of every greedy step, so that rounding cannot swap them
FEWEST_DISTINCT = 12  # of the greedy tokens

torch.set_grad_enabled(False)
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


@dataclass(frozen=True)
class Fixture:
    name: str
    config: PretrainedConfig
    dtype: torch.dtype = torch.bfloat16
    prompts: dict[str, int] = field(default_factory=lambda: {"golden": 40})  # golden file to prompt length
    older_config: Callable[[dict], None] | None = None  # makes config.json as it was before transformers 5
    gguf_config: dict | None = None  # what differs in the GGUF file, whose format cannot say it; None: no such file


# ---------------------------------------------------------------------------------------------------------------
# The models


def settings(**others: object) -> dict:
    return {
        "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 131, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    } | others


def older_rope(config: dict) -> None:
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")


def older_type(config: dict) -> None:
    older_rope(config)
    config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")


def older_gemma3(config: dict) -> None:
    rope = config.pop("rope_parameters")
    full = rope["full_attention"]
    config["rope_theta"] = full.pop("rope_theta")
    config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
    config["rope_scaling"] = full
    config["sliding_window_pattern"] = 3
    config["cache_implementation"] = "hybrid"
    del config["layer_types"]
    config["torch_dtype"] = config.pop("dtype")


def older_gemma2(config: dict) -> None:
    older_rope(config)
    del config["layer_types"]
    config["hidden_act"] = "gelu_pytorch_tanh"
    config["cache_implementation"] = "hybrid"


CROSSING = {"golden": 40, "crossing": 20}  # both go beyond an original length of 32, one from its start on

LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 32}
GEMMA3_ROPE = {
    "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1000000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
}


def gemma3_text(**others: object) -> Gemma3TextConfig:
    return Gemma3TextConfig(**settings(
        num_hidden_layers=4, head_dim=8, query_pre_attn_scalar=8, sliding_window=8,
        layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters=copy.deepcopy(GEMMA3_ROPE), **others))


FIXTURES = [
    Fixture("llama-linear", LlamaConfig(**settings(
        num_attention_heads=8, num_key_value_heads=1, head_dim=8, tie_word_embeddings=False, attention_bias=True,
        mlp_bias=True, max_position_embeddings=32,
        rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0})), older_config=older_type),
    Fixture("llama-dynamic", LlamaConfig(**settings(
        max_position_embeddings=32, num_key_value_heads=4,
        rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0})), prompts=CROSSING),
    Fixture("llama-yarn", LlamaConfig(**settings(
        head_dim=16, rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 32,
            "beta_fast": 16.0, "beta_slow": 2.0,
        })), dtype=torch.float16, prompts=CROSSING, gguf_config={}),
    Fixture("llama-longrope", LlamaConfig(**settings(rope_parameters=LONGROPE | {
        "short_factor": [1.0, 1.1, 1.3, 1.4], "long_factor": [1.5, 2.0, 3.5, 4.0], "factor": 4.0})),
        prompts=CROSSING),
    Fixture("mistral", MistralConfig(**settings(
        head_dim=12, num_hidden_layers=3, sliding_window=8, tie_word_embeddings=False)), dtype=torch.float16,
        older_config=older_rope),
    Fixture("qwen2", Qwen2Config(**settings(
        num_hidden_layers=3, use_sliding_window=True, sliding_window=12, max_window_layers=1)),
        gguf_config={"use_sliding_window": False, "layer_types": ["full_attention"] * 3, "sliding_window": None}),
    Fixture("qwen3", Qwen3Config(**settings(
        head_dim=16, num_attention_heads=8, num_key_value_heads=1, attention_bias=False, rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1000000.0, "original_max_position_embeddings": 32,
            "attention_factor": 1.3, "truncate": False,
        })), prompts=CROSSING, gguf_config={"rope_parameters": {
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1000000.0, "original_max_position_embeddings": 32,
        }}),
    Fixture("gemma2", Gemma2Config(**settings(
        num_hidden_layers=3, head_dim=8, query_pre_attn_scalar=24, sliding_window=8, attn_logit_softcapping=3.0,
        final_logit_softcapping=12.0, tie_word_embeddings=True)), older_config=older_gemma2,
        gguf_config={"query_pre_attn_scalar": 8}),
    Fixture("gemma3-text", gemma3_text(), older_config=older_gemma3, gguf_config={
        "layer_types": ["sliding_attention"] * 4}),  # llama.cpp: every sixth layer is full, so none of 4
    Fixture("gemma3", Gemma3Config(
        text_config=gemma3_text(final_logit_softcapping=10.0).to_dict(), mm_tokens_per_image=4, image_token_index=130,
        boi_token_index=128, eoi_token_index=129, vision_config=SiglipVisionConfig(
            hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=28,
            patch_size=14, vision_use_head=False).to_dict())),
    Fixture("phi3-longrope", Phi3Config(**settings(
        num_key_value_heads=1, original_max_position_embeddings=32, tie_word_embeddings=False,
        rope_parameters=LONGROPE | {
            "short_factor": [1.0, 1.1, 1.3], "long_factor": [1.5, 2.0, 3.5], "partial_rotary_factor": 0.75})),
        prompts=CROSSING, gguf_config={}),
    Fixture("phi3-window", Phi3Config(**settings(sliding_window=12)), dtype=torch.float32, older_config=older_rope),
    Fixture("olmo2", Olmo2Config(**settings(num_hidden_layers=3, num_key_value_heads=1, tie_word_embeddings=False)),
        dtype=torch.float16, gguf_config={}),
]


def model_class(config: PretrainedConfig) -> type:
    return Gemma3ForConditionalGeneration if isinstance(config, Gemma3Config) else AutoModelForCausalLM


def random_model(fixture: Fixture, seed: int) -> PreTrainedModel:
    """Every parameter drawn in the order of its name, rounded to the stored type; norms near their neutral value."""
    config = copy.deepcopy(fixture.config)
    model = Gemma3ForConditionalGeneration(config) if isinstance(config, Gemma3Config) else \
        AutoModelForCausalLM.from_config(config)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            neutral = 1.0 if name.endswith("norm.weight") and "gemma" not in config.model_type else 0.0
            if "gemma" in config.model_type and "post_" in name:
                neutral = 2.0  # else the scaled embeddings outweigh all that is added: tokens would repeat themselves
            parameter.copy_(neutral + 0.2 * noise)
        elif "embed_tokens" in name or "lm_head" in name:
            parameter.copy_(2.5 / math.sqrt(parameter.shape[1]) * noise)
        else:
            parameter.copy_(1.4 / math.sqrt(parameter.shape[-1]) * noise)
    return model.to(fixture.dtype)


# ---------------------------------------------------------------------------------------------------------------
# Golden values


def rounded(values: list[float]) -> list[float]:
    return [float(f"{value:.8g}") for value in values]


def compute_golden(folder: Path, fixture: Fixture, seed: int, prompt_length: int, overrides: dict | None = None) -> dict:
    """What the stored model says of a random prompt, and how it goes on; README.md describes the fields."""
    config = transformers.AutoConfig.from_pretrained(folder)
    for name, value in (overrides or {}).items():
        setattr(config, name, copy.deepcopy(value))
    # A model of its own for every golden file: dynamic NTK remembers the longest sequence it has seen.
    model = model_class(fixture.config).from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(1000 + seed)
    prompt = torch.randint(3, 127, (prompt_length,), generator=generator).tolist()
    out = model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, prompt_length), max_new_tokens=GREEDY_STEPS,
        do_sample=False, eos_token_id=None, pad_token_id=0, output_logits=True, return_dict_in_generate=True)
    tokens = out.sequences[0, prompt_length:].tolist()
    logits = torch.stack([step[0] for step in out.logits])
    logprobs = torch.log_softmax(logits, -1)
    best = logits.topk(2).values

    def top20(row: torch.Tensor) -> list[dict]:
        values, ids = row.topk(20)
        return [{"token": token, "logprob": value} for token, value in zip(ids.tolist(), rounded(values.tolist()))]

    return {
        "model": fixture.name,
        "transformers_version": transformers.__version__,
        "seed": seed,
        "prompt_tokens": prompt,
        "prompt_top20": top20(logprobs[0]),
        "prompt_last_logits": rounded(logits[0].tolist()),
        "greedy_tokens": tokens,
        "greedy_logprobs": rounded(logprobs[torch.arange(GREEDY_STEPS), tokens].tolist()),
        "greedy_top20_last": top20(logprobs[-1]),
        "smallest_greedy_margin": float((best[:, 0] - best[:, 1]).min()),
    }


def write_golden(path: Path, golden: dict) -> None:
    """One line per field: readable in a diff without one line per number."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    path.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def all_golden(folder: Path, fixture: Fixture, seed: int) -> dict[str, dict] | None:
    """By name; None where one repeats itself or comes near a tie."""
    wanted = [(name, length, None) for name, length in fixture.prompts.items()]
    if fixture.gguf_config:
        wanted.append(("gguf-golden", fixture.prompts["golden"], fixture.gguf_config))
    golden = {}
    for name, length, overrides in wanted:
        golden[name] = compute_golden(folder, fixture, seed, length, overrides)
        if golden[name]["smallest_greedy_margin"] < SMALLEST_MARGIN:
            return None
        if len(set(golden[name]["greedy_tokens"])) < FEWEST_DISTINCT:
            return None
    return golden


def find_seed(fixture: Fixture, folder: Path, save: Callable[[int], None]) -> tuple[int, dict[str, dict]]:
    """Tries seeds until every golden continuation is varied and never close to a tie, and writes the golden files.

    `save` writes the model of a seed into the empty folder.
    """
    for seed in range(1, 1000):
        shutil.rmtree(folder, ignore_errors=True)
        save(seed)
        if fixture.older_config:
            path = folder / "config.json"
            config = json.loads(path.read_text())
            fixture.older_config(config)
            path.write_text(json.dumps(config, indent=2) + "\n")
        golden = all_golden(folder, fixture, seed)
        if golden is not None:
            break
    else:
        raise SystemExit(f"{fixture.name}: no seed gives a varied continuation without near ties")
    for name, one in golden.items():
        write_golden(folder / f"{name}.json", one)
    print(f"{fixture.name}: seed {seed}", flush=True)
    return seed, golden


def save_model(model: PreTrainedModel, folder: Path) -> None:
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def make(
    fixture: Fixture, check_with_llama_cpp: bool, model: Callable | None = None, write: Callable | None = None,
    compare: Callable | None = None,
) -> None:
    """The folder of a fixture, its golden files and its GGUF file; None: as the families of this file have them."""
    model, write, compare = model or random_model, write or write_gguf, compare or compare_with_llama_cpp
    folder = FOLDER / fixture.name
    _, golden = find_seed(fixture, folder, lambda seed: save_model(model(fixture, seed), folder))
    if fixture.gguf_config is None:
        return
    kind = gguf.GGMLQuantizationType.F16 if fixture.dtype == torch.float16 else gguf.GGMLQuantizationType.BF16
    write(folder / "model.gguf", fixture, folder, kind)
    if check_with_llama_cpp:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "model.gguf"
            write(path, fixture, folder, gguf.GGMLQuantizationType.F32)
            compare(path, fixture, golden)


# ---------------------------------------------------------------------------------------------------------------
# GGUF files, by the conventions of llama.cpp's convert_hf_to_gguf.py


ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma2": gguf.MODEL_ARCH.GEMMA2, "gemma3_text": gguf.MODEL_ARCH.GEMMA3, "phi3": gguf.MODEL_ARCH.PHI3,
    "olmo2": gguf.MODEL_ARCH.OLMO2,
}


def interleave_rotary_rows(weight: np.ndarray, heads: int) -> np.ndarray:
    """Row i of a head and row i + half of it become neighbours: only Llama's files have them so."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def add_settings(writer: gguf.GGUFWriter, config: PretrainedConfig) -> None:
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if head_size * config.num_attention_heads != config.hidden_size or "gemma" in config.model_type:
        writer.add_key_length(head_size)
        writer.add_value_length(head_size)
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    if config.model_type in ("llama", "phi3"):
        writer.add_rope_dimension_count(int(head_size * rope.get("partial_rotary_factor", 1)))
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if "beta_fast" in rope:
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
            writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    elif rope["rope_type"] == "longrope":
        original = rope["original_max_position_embeddings"]
        scale = config.max_position_embeddings / original
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))
    if config.model_type == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type in ("gemma2", "gemma3_text"):
        writer.add_sliding_window(config.sliding_window)
    if config.model_type == "phi3":
        writer.add_sliding_window(config.sliding_window or 0)


def write_gguf(path: Path, fixture: Fixture, folder: Path, kind: gguf.GGMLQuantizationType) -> None:
    config = copy.deepcopy(fixture.config)
    for name, value in fixture.gguf_config.items():
        setattr(config, name, copy.deepcopy(value))
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(fixture.name)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config.vocab_size)
    add_settings(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for name, value in sorted(model.state_dict().items()):
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = value.numpy()
        if "gemma" in config.model_type and name.endswith("norm.weight"):
            array = array + 1
        if config.model_type == "llama" and name.endswith("q_proj.weight"):
            array = interleave_rotary_rows(array, config.num_attention_heads)
        if config.model_type == "llama" and name.endswith("k_proj.weight"):
            array = interleave_rotary_rows(array, config.num_key_value_heads)
        stored = kind if array.ndim > 1 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(
            names.get_name(name, try_suffixes=(".weight", ".bias")), quantize(np.ascontiguousarray(array), stored),
            raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def compare_with_llama_cpp(path: Path, fixture: Fixture, golden: dict) -> None:
    """The largest difference of logits over the prompt and the greedy tokens. Longrope: llama.cpp chooses by the size
    of its context, so only sequences that are long from their start on can agree."""
    import llama_cpp

    for name, one in golden.items():
        if fixture.gguf_config and not name.startswith("gguf-"):
            continue
        if "longrope" in fixture.name and name.endswith("crossing"):
            continue
        rope = getattr(fixture.config, "rope_parameters", {})  # GPT-2 has none
        model = llama_cpp.Llama(  # its own defaults stand above what the file says of YaRN
            str(path), n_ctx=128, logits_all=True, verbose=False, n_threads=1, type_k=0, type_v=0,
            yarn_beta_fast=rope.get("beta_fast", 32.0), yarn_beta_slow=rope.get("beta_slow", 1.0))
        tokens = one["prompt_tokens"] + one["greedy_tokens"]
        model.eval(tokens)
        logits = torch.tensor(np.array(model.scores[: len(tokens)]))
        logprobs = torch.log_softmax(logits, -1)
        first = len(one["prompt_tokens"]) - 1
        differences = [
            abs(float(logprobs[first + step, token]) - logprob)
            for step, (token, logprob) in enumerate(zip(one["greedy_tokens"], one["greedy_logprobs"]))
        ]
        print(f"    llama.cpp, {name}: largest difference {max(differences):.1e}")


def run(fixtures: list[Fixture], make: Callable[[Fixture, bool], None]) -> None:
    """Makes the fixtures that the command line names, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--llama-cpp", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for fixture in fixtures:
        if not arguments.names or fixture.name in arguments.names:
            make(fixture, arguments.llama_cpp)


if __name__ == "__main__":
    run(FIXTURES, make)
