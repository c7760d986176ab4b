"""Makes the small models and tokenizers in Tests/Fixtures, with what Hugging Face computes for them.

    python make_fixtures.py TEXT_FOLDER

Models have random weights (seeded) and are written as Hugging Face folders and GGUF files; each golden file
holds logits and greedy tokens that transformers computes from exactly the stored weights (float32, eager
attention, the whole sequence at every step). Tokenizers are trained on `tinystories-*.txt` in TEXT_FOLDER
and on the texts in `tokenizer_texts.py`; their cases are what the `tokenizers` library gives.

README.md beside this file describes every folder and field. A second run gives the same files.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf.quants import dequantize, quantize
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tokenizer_texts import CASES, CORPUS

Weights = dict[str, Tensor]

GREEDY_STEPS = 64
SMALLEST_MARGIN = 0.01  # between the two best logits of every greedy step, so that rounding cannot swap them
FEWEST_DISTINCT = 20  # of the greedy tokens: a model that only repeats itself would hide mistakes


# ---------------------------------------------------------------------------------------------------------------
# Random models


def random_weights(model: PreTrainedModel, seed: int, logit_spread: float = 2.5) -> Weights:
    """Every parameter drawn in the order of its name: matrices keep the scale of their input, norms are
    near one, biases near zero but not zero, and the head spreads the logits by `logit_spread`."""
    generator = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    parameters = dict(model.named_parameters())
    for name in sorted(parameters):
        shape = parameters[name].shape
        noise = torch.randn(shape, generator=generator)
        if len(shape) == 1:
            is_norm_weight = name.endswith("weight")
            weights[name] = 1 + 0.2 * noise if is_norm_weight else 0.2 * noise
        elif "wte" in name or "embed_tokens" in name or "lm_head" in name:
            weights[name] = logit_spread / math.sqrt(shape[1]) * noise
        elif "wpe" in name:
            weights[name] = 0.4 * noise
        else:
            inputs = shape[0] if isinstance(model, GPT2LMHeadModel) else shape[1]  # Conv1D stores [in, out]
            weights[name] = 1.4 / math.sqrt(inputs) * noise
    return weights


def with_weights(model: PreTrainedModel, weights: Weights) -> PreTrainedModel:
    missing = model.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)
    assert not missing.unexpected_keys, missing
    assert set(missing.missing_keys) <= {"lm_head.weight"}, missing
    model.tie_weights()
    return model.float().eval()


@dataclass(frozen=True)
class Family:
    """How to build one model: its empty form, and what storing does to a weight."""

    name: str
    make: Callable[[], PreTrainedModel]
    stored: Callable[[str, Tensor], Tensor]


@dataclass(frozen=True)
class MadeModel:
    model: PreTrainedModel
    weights: Weights
    golden: dict


@torch.no_grad()
def compute_golden(name: str, model: PreTrainedModel, seed: int) -> dict:
    """What the model says about a random prompt, and how it goes on; README.md describes the fields."""
    generator = torch.Generator().manual_seed(1000 + seed)
    prompt_length = int(torch.randint(24, 40, (), generator=generator))
    prompt = torch.randint(model.config.vocab_size, (prompt_length,), generator=generator).tolist()

    def top20(logprobs: Tensor) -> list[dict]:
        values, tokens = logprobs.topk(20)
        return [{"token": int(token), "logprob": float(value)} for token, value in zip(tokens, values)]

    ids = list(prompt)
    greedy_logprobs: list[float] = []
    margin = math.inf
    prompt_logits = logprobs = torch.empty(0)
    for step in range(GREEDY_STEPS):
        logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1]
        logprobs = torch.log_softmax(logits, -1)
        best = logits.topk(2).values
        margin = min(margin, float(best[0] - best[1]))
        token = int(logits.argmax())
        if step == 0:
            prompt_logits = logits
        greedy_logprobs.append(float(logprobs[token]))
        ids.append(token)
    return {
        "model": name,
        "transformers_version": transformers.__version__,
        "seed": seed,
        "prompt_tokens": prompt,
        "prompt_top20": top20(torch.log_softmax(prompt_logits, -1)),
        "prompt_last_logits": [float(value) for value in prompt_logits],
        "greedy_tokens": ids[prompt_length:],
        "greedy_logprobs": greedy_logprobs,
        "greedy_top20_last": top20(logprobs),
        "smallest_greedy_margin": margin,
    }


def make(family: Family, also_stored: tuple[Callable[[str, Tensor], Tensor], ...] = ()) -> MadeModel:
    """Tries seeds until the greedy continuation is varied and never close to a tie, also after its weights went
    through the lossy formats in `also_stored`."""
    for seed in range(1, 1000):
        model = family.make()
        weights = {name: family.stored(name, value) for name, value in random_weights(model, seed).items()}
        golden = compute_golden(family.name, with_weights(model, weights), seed)
        made = MadeModel(model, weights, golden)
        all_golden = [golden, *(golden_for_stored(family.name, made, family.make, stored) for stored in also_stored)]
        margin = min(one["smallest_greedy_margin"] for one in all_golden)
        distinct = len(set(golden["greedy_tokens"]))
        if margin > SMALLEST_MARGIN and distinct >= FEWEST_DISTINCT:
            print(f"{family.name}: seed {seed}, smallest margin {margin:.4f}, {distinct} distinct greedy tokens")
            return made
    raise SystemExit(f"{family.name}: no seed gives a varied continuation without near ties")


def golden_for_stored(name: str, made: MadeModel, make_empty: Callable[[], PreTrainedModel],
                      stored: Callable[[str, Tensor], Tensor]) -> dict:
    """Golden values of the same model after its weights went through a lossy format."""
    weights = {key: stored(key, value) for key, value in made.weights.items()}
    return compute_golden(name, with_weights(make_empty(), weights), made.golden["seed"])


# ---------------------------------------------------------------------------------------------------------------
# The models


def gpt2(layers: int, positions: int) -> Callable[[], PreTrainedModel]:
    config = GPT2Config(
        vocab_size=131, n_positions=positions, n_embd=48, n_layer=layers, n_head=4, activation_function="gelu_new",
        bos_token_id=0, eos_token_id=0, attn_implementation="eager",
    )
    return lambda: GPT2LMHeadModel(config)


def llama(**settings: object) -> Callable[[], PreTrainedModel]:
    common = {"bos_token_id": 1, "eos_token_id": 2, "attn_implementation": "eager"}
    config = LlamaConfig(**(common | settings))
    return lambda: LlamaForCausalLM(config)


def unchanged(_: str, value: Tensor) -> Tensor:
    return value


def as_bf16(_: str, value: Tensor) -> Tensor:
    return value.bfloat16()


def as_f16(_: str, value: Tensor) -> Tensor:
    return value.half()


LLAMA3_SCALING = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 256,  # of the 4 frequencies, one is kept, one blended and two divided by 8
}

GPT2_F32 = Family("gpt2-f32", gpt2(layers=3, positions=128), unchanged)
GPT2_BF16 = Family("gpt2-bf16", gpt2(layers=2, positions=112), as_bf16)
LLAMA_F32 = Family("llama-f32", llama(
    vocab_size=261, hidden_size=48, intermediate_size=136, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=False,
    rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
), unchanged)
LLAMA_BF16_TIED = Family("llama-bf16-tied", llama(
    vocab_size=261, hidden_size=64, intermediate_size=152, num_hidden_layers=2, num_attention_heads=8,
    num_key_value_heads=2, max_position_embeddings=2048, rms_norm_eps=1e-6, tie_word_embeddings=True,
    rope_parameters={**LLAMA3_SCALING, "rope_theta": 500000.0},
), as_bf16)
LLAMA_MHA_SHARDED = Family("llama-mha-sharded", llama(
    vocab_size=131, hidden_size=40, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=4, head_dim=16, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=False,
    rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
), as_f16)
LLAMA_QUANT = Family("llama-quant", llama(
    vocab_size=261, hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=False,
    rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
), unchanged)


# ---------------------------------------------------------------------------------------------------------------
# Hugging Face folders


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_golden(path: Path, golden: dict) -> None:
    """One line per field: readable in a diff without one line per number."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    path.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def published_config(model: PreTrainedModel, dtype: str, classic_rope: bool) -> dict:
    """config.json. `classic_rope`: `rope_theta` and `rope_scaling` at the top, as in all models published before
    transformers 5; otherwise the newer `rope_parameters`."""
    config = model.config.to_diff_dict()
    config.pop("_attn_implementation_autoset", None)
    config["dtype" if not classic_rope else "torch_dtype"] = dtype
    if classic_rope:
        config.pop("dtype", None)
        if rope := config.pop("rope_parameters", None):
            config["rope_theta"] = rope.pop("rope_theta")
            config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
             "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "rms_norm_eps",
             "tie_word_embeddings", "attention_bias", "mlp_bias") if config["model_type"] == "llama" else (
             "vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner", "activation_function",
             "layer_norm_epsilon")
    for name in names:  # to_diff_dict leaves defaults out; published files do not
        config[name] = getattr(model.config, name)
    config["architectures"] = [type(model).__name__]
    return dict(sorted(config.items()))


def write_folder(folder: Path, made: MadeModel, dtype: str, classic_rope: bool = True,
                 rename: Callable[[str], str] = lambda name: name, extra: Weights | None = None,
                 shards: int = 1) -> None:
    folder.mkdir(parents=True)
    write_json(folder / "config.json", published_config(made.model, dtype, classic_rope))
    config = made.model.config
    write_json(folder / "generation_config.json", {
        "_from_model_config": True, "bos_token_id": config.bos_token_id, "eos_token_id": config.eos_token_id,
        "transformers_version": transformers.__version__,
    })
    weights = {rename(name): value.contiguous() for name, value in (made.weights | (extra or {})).items()}
    write_safetensors(folder, weights, shards)
    write_golden(folder / "golden.json", made.golden)


def write_safetensors(folder: Path, weights: Weights, shards: int) -> None:
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(weights, folder / "model.safetensors", metadata)
        return
    names = list(weights)
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        some = names[shard::shards]  # dealt out in turn, so every layer is spread over all files
        save_file({name: weights[name] for name in some}, folder / file, metadata)
        weight_map |= dict.fromkeys(some, file)
    size = sum(value.numel() * value.element_size() for value in weights.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(folder / "model.safetensors.index.json", index)


def byte_characters() -> list[str]:
    """GPT-2's printable stand-in for each byte: itself where it prints, else the next code point from 256."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    characters: list[str] = []
    shifted = 0
    for byte in range(256):
        if byte in printable:
            characters.append(chr(byte))
        else:
            characters.append(chr(256 + shifted))
            shifted += 1
    return characters


ASCII_TOKENS = ["<|endoftext|>", *byte_characters()[:128], "he", "Ġt"]  # 131
ASCII_MERGES = [("h", "e"), ("Ġ", "t")]
BYTE_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "e"]  # 261


def ascii_tokenizer() -> Tokenizer:
    """For the 131-token models: the ASCII bytes, two merges, and the end of text as token 0."""
    vocabulary = {token: index for index, token in enumerate(ASCII_TOKENS)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=ASCII_MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False)])
    return tokenizer


def byte_tokenizer() -> Tokenizer:
    """For the 261-token models: bytes, the space mark and one letter, in the SentencePiece manner."""
    vocabulary = {token: index for index, token in enumerate(BYTE_TOKENS)}
    return sentencepiece_style(vocabulary, [])


# ---------------------------------------------------------------------------------------------------------------
# GGUF


def interleave_rotary_rows(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key projection, from pairs half a head apart (Hugging Face) to neighbouring pairs
    (GGUF's llama)."""
    rows, inputs = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, inputs).swapaxes(1, 2).reshape(rows, inputs)


def gguf_name(name: str) -> str:
    """llama.cpp's name for a parameter of transformers' GPT-2 or Llama."""
    whole = {
        "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    }
    parts = {
        "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
        "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }
    module, kind = name.rsplit(".", 1)
    if module in whole:
        return f"{whole[module]}.{kind}"
    _, _, layer, part = module.split(".", 3)
    return f"blk.{layer}.{parts[part]}.{kind}"


def llama3_frequency_factors(config: LlamaConfig) -> np.ndarray:
    """What `rope_freqs.weight` holds: each rotary frequency is divided by its factor (formula of the Llama 3.1
    rope scaling)."""
    scaling = config.rope_parameters
    base, context = scaling["rope_theta"], scaling["original_max_position_embeddings"]
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    factors = []
    for even in range(0, config.head_dim, 2):
        wavelength = 2 * math.pi * base ** (even / config.head_dim)
        if wavelength < context / high:
            factors.append(1.0)
        elif wavelength > context / low:
            factors.append(factor)
        else:
            smooth = (context / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, dtype=np.float32)


def add_llama_settings(writer: gguf.GGUFWriter, config: LlamaConfig) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(BYTE_TOKENS)
    writer.add_token_scores([0.0] * 259 + [-1.0, -2.0])
    kinds = gguf.TokenType
    writer.add_token_types([kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256, *[kinds.NORMAL] * 2])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)


def add_gpt2_settings(writer: gguf.GGUFWriter, config: GPT2Config) -> None:
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(ASCII_TOKENS)
    writer.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(ASCII_TOKENS) - 1))
    writer.add_token_merges([f"{left} {right}" for left, right in ASCII_MERGES])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)


def is_gguf_matrix(name: str, value: Tensor) -> bool:
    """Whether llama.cpp's converter stores it in the file's type; the rest stays F32."""
    return value.ndim == 2 and "wpe" not in name


def write_gguf(path: Path, made: MadeModel, kind: gguf.GGMLQuantizationType, file_type: gguf.LlamaFileType,
               tensors_per_file: int = 0) -> None:
    config = made.model.config
    is_llama = isinstance(config, LlamaConfig)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama" if is_llama else "gpt2", split_max_tensors=tensors_per_file)
    writer.add_name(path.stem)
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    if is_llama:
        add_llama_settings(writer, config)
        if config.rope_parameters["rope_type"] == "llama3":
            writer.add_tensor("rope_freqs.weight", llama3_frequency_factors(config))
    else:
        add_gpt2_settings(writer, config)
    for name, value in made.weights.items():
        array = value.float().numpy()
        if not is_gguf_matrix(name, value):
            writer.add_tensor(gguf_name(name), np.ascontiguousarray(array))
            continue
        if not is_llama and "wte" not in name:
            array = array.T  # Conv1D is [in, out]
        elif name.endswith("q_proj.weight"):
            array = interleave_rotary_rows(array, config.num_attention_heads)
        elif name.endswith("k_proj.weight"):
            array = interleave_rotary_rows(array, config.num_key_value_heads)
        writer.add_tensor(gguf_name(name), quantize(np.ascontiguousarray(array), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def through(kind: gguf.GGMLQuantizationType) -> Callable[[str, Tensor], Tensor]:
    """What a GGUF file of this type makes of a Llama weight. (Rows are quantized one by one, so the order of rows
    in the file does not matter.) A GPT-2 only goes through F16, where layout does not matter either."""

    def stored(name: str, value: Tensor) -> Tensor:
        if not is_gguf_matrix(name, value):
            return value
        return torch.from_numpy(dequantize(quantize(value.float().numpy(), kind), kind).copy())

    return stored


# ---------------------------------------------------------------------------------------------------------------
# All models


def make_models(folder: Path) -> None:
    kinds, files = gguf.GGMLQuantizationType, gguf.LlamaFileType

    gpt2_f32 = make(GPT2_F32, also_stored=(through(kinds.F16),))
    write_folder(folder / "gpt2-f32", gpt2_f32, "float32")
    ascii_tokenizer().save(str(folder / "gpt2-f32/tokenizer.json"))
    write_gguf(folder / "gguf/gpt2-f16.gguf", gpt2_f32, kinds.F16, files.MOSTLY_F16)
    golden = golden_for_stored("gpt2-f16", gpt2_f32, GPT2_F32.make, through(kinds.F16))
    write_golden(folder / "gguf/gpt2-f16.golden.json", golden)

    # The names of the first published GPT-2 files: no "transformer." in front, and the causal mask stored too.
    gpt2_bf16 = make(GPT2_BF16)
    positions = gpt2_bf16.model.config.n_positions
    mask = torch.ones(positions, positions).tril().view(1, 1, positions, positions).bfloat16()
    masks = {f"h.{layer}.attn.bias": mask.clone() for layer in range(gpt2_bf16.model.config.n_layer)}
    write_folder(folder / "gpt2-bf16", gpt2_bf16, "bfloat16", extra=masks,
                 rename=lambda name: name.removeprefix("transformer."))
    ascii_tokenizer().save(str(folder / "gpt2-bf16/tokenizer.json"))

    llama_f32 = make(LLAMA_F32)
    write_folder(folder / "llama-f32", llama_f32, "float32")
    byte_tokenizer().save(str(folder / "llama-f32/tokenizer.json"))
    write_gguf(folder / "gguf/llama-f32.gguf", llama_f32, kinds.F32, files.ALL_F32)
    write_golden(folder / "gguf/llama-f32.golden.json", llama_f32.golden)

    llama_bf16_tied = make(LLAMA_BF16_TIED)
    write_folder(folder / "llama-bf16-tied", llama_bf16_tied, "bfloat16")
    byte_tokenizer().save(str(folder / "llama-bf16-tied/tokenizer.json"))
    write_gguf(folder / "gguf/llama-bf16-tied.gguf", llama_bf16_tied, kinds.BF16, files.MOSTLY_BF16)
    write_golden(folder / "gguf/llama-bf16-tied.golden.json", llama_bf16_tied.golden)

    llama_mha_sharded = make(LLAMA_MHA_SHARDED)
    write_folder(folder / "llama-mha-sharded", llama_mha_sharded, "float16", classic_rope=False, shards=3)

    llama_quant = make(LLAMA_QUANT, also_stored=(through(kinds.Q8_0), through(kinds.Q4_0)))
    for name, kind, file_type in (("llama-q8_0", kinds.Q8_0, files.MOSTLY_Q8_0),
                                  ("llama-q4_0", kinds.Q4_0, files.MOSTLY_Q4_0)):
        write_gguf(folder / f"gguf/{name}.gguf", llama_quant, kind, file_type)
        golden = golden_for_stored(name, llama_quant, LLAMA_QUANT.make, through(kind))
        write_golden(folder / f"gguf/{name}.golden.json", golden)
    write_gguf(folder / "gguf/llama-q8_0-split.gguf", llama_quant, kinds.Q8_0, files.MOSTLY_Q8_0, tensors_per_file=11)


# ---------------------------------------------------------------------------------------------------------------
# Tokenizers

# Split patterns as published in the tokenizer.json of the Llama 3 family.
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level_trainer(size: int, special: list[str]) -> trainers.BpeTrainer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False)


def gpt2_style(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, byte_level_trainer(400, ["<|endoftext|>"]))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("<tool_call>", normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
    return tokenizer


def llama3_style(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, byte_level_trainer(400, []))
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    begin = special[0]
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1",
            special_tokens=[(begin, tokenizer.token_to_id(begin))],
        ),
    ])
    return tokenizer


def sentencepiece_style(vocabulary: dict[str, int], merges: list[tuple[str, str]], metaspace: bool = False) -> Tokenizer:
    """Llama 2's form: the space mark comes from the normalizer, or (`metaspace`, as newer conversions do)
    from a pre-tokenizer that marks only the start of the text."""
    tokenizer = Tokenizer(models.BPE(
        vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True,
    ))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1),
    ])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)],
    )
    special = [AddedToken(token, special=True, normalized=False) for token in ("<unk>", "<s>", "</s>")]
    tokenizer.add_special_tokens(special)
    return tokenizer


def sentencepiece_vocabulary(texts: list[str], size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Special tokens, bytes, then learned pieces in the order of their merges, and runs of spaces."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    learned = size - 259 - 2
    # The trainer's own limit breaks ties at random, so rare characters are taken out here.
    counts = Counter("".join(texts))
    kept = {*sorted(counts, key=lambda character: (-counts[character], character))[:90]} - {"\n"}
    lines = ["".join(character for character in line if character in kept)
             for text in texts for line in text.split("\n")]
    learner.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=learned, show_progress=False))
    model = json.loads(learner.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    merges = [tuple(merge) for merge in model["merges"]]
    tokens = [*BYTE_TOKENS[:259], *pieces, "▁▁", "▁▁▁▁"]
    return {token: index for index, token in enumerate(tokens)}, [*merges, ("▁", "▁"), ("▁▁", "▁▁")]


def added_tokens_decoder(tokenizer: Tokenizer) -> dict[str, dict]:
    fields = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {
        str(index): {field: getattr(token, field) for field in fields}
        for index, token in sorted(tokenizer.get_added_tokens_decoder().items())
    }


def write_tokenizer(folder: Path, tokenizer: Tokenizer, config: dict) -> None:
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config |= {"added_tokens_decoder": added_tokens_decoder(tokenizer), "clean_up_tokenization_spaces": False}
    write_json(folder / "tokenizer_config.json", dict(sorted(config.items())))
    lines = []
    for text in CASES:
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        case = {
            "text": text,
            "ids": plain,
            "ids_with_special": tokenizer.encode(text, add_special_tokens=True).ids,
            "decoded": tokenizer.decode(plain, skip_special_tokens=False),
            "decoded_without_special": tokenizer.decode(plain, skip_special_tokens=True),
        }
        lines.append("  " + json.dumps(case, ensure_ascii=True))
    (folder / "cases.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{folder.name}: {tokenizer.get_vocab_size()} tokens, {len(lines)} cases")


def make_tokenizers(folder: Path, text_folder: Path) -> None:
    files = sorted(text_folder.glob("tinystories-*.txt"), key=lambda path: path.stat().st_size)
    if not files:
        raise SystemExit(f"{text_folder}: no tinystories-*.txt")
    texts = [files[0].read_text(encoding="utf-8"), *[CORPUS] * 20]

    end = "<|endoftext|>"
    write_tokenizer(folder / "byte-bpe-gpt2", gpt2_style(texts), {
        "tokenizer_class": "GPT2Tokenizer", "add_bos_token": False, "add_prefix_space": False, "bos_token": end,
        "eos_token": end, "unk_token": end, "errors": "replace", "model_max_length": 1024,
    })
    write_tokenizer(folder / "byte-bpe-llama3", llama3_style(texts), {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
        "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 131072,
    })
    vocabulary, merges = sentencepiece_vocabulary(texts, 500)
    for name, metaspace in (("spm-bpe", False), ("spm-bpe-metaspace", True)):
        write_tokenizer(folder / name, sentencepiece_style(vocabulary, merges, metaspace), {
            "tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>",
            "eos_token": "</s>", "unk_token": "<unk>", "pad_token": None, "legacy": not metaspace,
            "model_max_length": 2048, "sp_model_kwargs": {}, "use_default_system_prompt": False,
        })


# ---------------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text_folder", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent.parent / "Fixtures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("models", "tokenizers"):
        shutil.rmtree(arguments.output / name, ignore_errors=True)
    make_models(arguments.output / "models")
    make_tokenizers(arguments.output / "tokenizers", arguments.text_folder)


if __name__ == "__main__":
    main()
