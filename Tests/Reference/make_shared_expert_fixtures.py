"""Makes the models in Tests/Fixtures/families that have shared experts: Qwen2-MoE.

    python make_shared_expert_fixtures.py [--llama-cpp] [NAME ...]

As make_family_fixtures.py makes its models: random weights (seeded), Hugging Face folders as transformers saves them or as
published before transformers 5, GGUF files by the conventions of llama.cpp's converter, and golden files of what
transformers computes in float32. With --llama-cpp each GGUF file is also written in F32 and compared with
llama-cpp-python. A second run gives the same files.
"""

from __future__ import annotations

import argparse
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
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, Qwen2MoeConfig

import make_family_fixtures as families
from make_family_fixtures import Fixture, older_rope, settings

Kind = gguf.GGMLQuantizationType
Tensors = Iterator[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Mixture(Fixture):
    has_gguf: bool = False  # of the same weights, and computed in the same way


def qwen2_moe(**others: object) -> Qwen2MoeConfig:
    return Qwen2MoeConfig(**settings(
        num_hidden_layers=3, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=12,
        shared_expert_intermediate_size=20, tie_word_embeddings=False) | others)


FIXTURES = [
    Mixture("qwen2moe", qwen2_moe(mlp_only_layers=[1], norm_topk_prob=True), older_config=older_rope),
    Mixture("qwen2moe-sparse", qwen2_moe(num_hidden_layers=2, num_key_value_heads=1), dtype=torch.float16, has_gguf=True),
]

# ---------------------------------------------------------------------------------------------------------------
# Folders


def make(fixture: Mixture, check_with_llama_cpp: bool) -> None:
    """Tries seeds until every golden continuation is varied and never close to a tie."""
    folder = families.FOLDER / fixture.name
    for seed in range(1, 1000):
        shutil.rmtree(folder, ignore_errors=True)
        save(families.random_model(fixture, seed), seed, folder)
        if fixture.older_config:
            config = json.loads((folder / "config.json").read_text())
            fixture.older_config(config)
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        golden = families.all_golden(folder, fixture, seed)
        if golden is not None:
            break
    else:
        raise SystemExit(f"{fixture.name}: no seed gives a varied continuation without near ties")
    for name, one in golden.items():
        families.write_golden(folder / f"{name}.json", one)
    print(f"{fixture.name}: seed {seed}", flush=True)
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
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


# ---------------------------------------------------------------------------------------------------------------
# GGUF files, by the conventions of llama.cpp's convert_hf_to_gguf.py

ARCHITECTURES = {"qwen2_moe": gguf.MODEL_ARCH.QWEN2MOE}


def write_gguf(path: Path, fixture: Mixture, folder: Path, kind: Kind) -> None:
    config = fixture.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(fixture.name)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config.vocab_size)
    add_mixture(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, array in converted(folder, config):
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


def converted(folder: Path, config: PretrainedConfig) -> Tensors:
    """The tensors of a folder under the names by which gguf knows them, in the form of GGUF files."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for name, value in sorted(model.state_dict().items()):
        array = value.numpy()
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if name.endswith("shared_expert_gate.weight"):
            yield name, array[0]
        elif name.endswith("experts.gate_up_proj"):
            half = array.shape[1] // 2
            yield name.replace("gate_up_proj", "gate_proj.weight"), array[:, :half]
            yield name.replace("gate_up_proj", "up_proj.weight"), array[:, half:]
        elif name.endswith("experts.down_proj"):
            yield name + ".weight", array
        else:
            yield name, array


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--llama-cpp", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for fixture in FIXTURES:
        if not arguments.names or fixture.name in arguments.names:
            make(fixture, arguments.llama_cpp)


if __name__ == "__main__":
    main()
