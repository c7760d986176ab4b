"""Trains the small story model that ships with Tandem and writes it as GGUF.

    python train_default_model.py TEXT_FOLDER --minutes 60 --work-folder /tmp/tandem-tales

TEXT_FOLDER holds `tinystories-*.txt`: short stories, `<|endoftext|>` between them in at least the
largest file. A smaller file that only repeats paragraphs of a larger one is skipped. A share of the stories
is held out for the loss that the log reports.

The model is a GPT-2: learned positions, LayerNorm with bias, tanh GELU, one fused projection
for query, key and value, and a head that shares the token embedding. Its byte-level BPE vocabulary is
trained on the same stories. Training lasts a given wall-clock time on a CPU: the learning rate
follows the elapsed share of that time, so any machine ends with a finished schedule.

Written while training: `--gguf` (a first time after `--preliminary-minutes`, then at the end, always by
rename, so a reader never sees half a file), `--log`, and in `--work-folder` the tokenizer and checkpoints.
`--resume` goes on from the last checkpoint, with a whole schedule over `--minutes` more and the same split and tokenizer;
`--export-only` writes the GGUF from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

END_OF_TEXT = "<|endoftext|>"
NAME = "Tandem Tales"
DESCRIPTION = "A small GPT-2 that tells simple stories; trained from scratch on TinyStories samples for Tandem."
SAMPLE_PROMPTS = ("Once upon a time", "One day, a little girl named Lily", "Tom and his dog went to the park.")


@dataclass(frozen=True)
class Shape:
    """The sizes of the model; names follow GPT-2's configuration where they can."""

    vocabulary: int = 2048
    context: int = 512
    width: int = 192
    layers: int = 6
    heads: int = 6
    norm_epsilon: float = 1e-5


# ---------------------------------------------------------------------------------------------------------------
# Text


def read_stories(folder: Path) -> list[str]:
    """All distinct stories, the largest file first; files that repeat a larger one are left out."""
    files = sorted(folder.glob("tinystories-*.txt"), key=lambda path: -path.stat().st_size)
    if not files:
        raise SystemExit(f"{folder}: no tinystories-*.txt")
    stories: list[str] = []
    known_paragraphs: set[str] = set()
    for path in files:
        text = path.read_text(encoding="utf-8", errors="ignore").replace("\r\n", "\n")
        paragraphs = {" ".join(line.split()) for line in text.split("\n") if line.strip()}
        paragraphs.discard(END_OF_TEXT)
        repeated = len(paragraphs & known_paragraphs) / len(paragraphs)
        if repeated > 0.5:
            print(f"{path.name}: skipped, {repeated:.0%} of its paragraphs are in a larger file")
            continue
        known_paragraphs |= paragraphs
        documents = [document.strip() for document in text.split(END_OF_TEXT)]
        stories += [document for document in documents[:-1] if document]  # the last one is cut off
    return list(dict.fromkeys(stories))


def train_tokenizer(stories: list[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE with GPT-2's pre-tokenization; token 0 is the end of text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(stories, trainer)
    return tokenizer


class PackedStories:
    """Stories as one stream of ids, each preceded by the end-of-text token; rows are cut from it."""

    def __init__(self, tokenizer: Tokenizer, stories: list[str]):
        end = tokenizer.token_to_id(END_OF_TEXT)
        ids: list[int] = []
        self.starts: list[int] = []
        for encoding in tokenizer.encode_batch(stories):
            ids.append(end)
            self.starts.append(len(ids))
            ids += encoding.ids
        ids.append(end)
        self.ids = torch.tensor(ids, dtype=torch.int64)

    def random_batch(self, rows: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs and targets, both [rows, length]. Half of the rows begin where a story begins,
        because that is where prompts begin; the others begin anywhere."""
        last = len(self.ids) - length - 1
        inputs = torch.empty(rows, length + 1, dtype=torch.int64)
        for row in range(rows):
            if torch.rand((), generator=generator) < 0.5:
                story = int(torch.randint(len(self.starts), (), generator=generator))
                start = min(self.starts[story], last)
            else:
                start = int(torch.randint(last + 1, (), generator=generator))
            inputs[row] = self.ids[start : start + length + 1]
        return inputs[:, :-1].contiguous(), inputs[:, 1:].contiguous()

    def all_rows(self, length: int) -> tuple[Tensor, Tensor]:
        rows = (len(self.ids) - 1) // length
        used = self.ids[: rows * length + 1]
        return used[:-1].view(rows, length), used[1:].view(rows, length)


# ---------------------------------------------------------------------------------------------------------------
# Model


class Block(nn.Module):
    def __init__(self, shape: Shape, dropout: float):
        super().__init__()
        self.heads = shape.heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)
        self.attention_qkv = nn.Linear(shape.width, 3 * shape.width)
        self.attention_output = nn.Linear(shape.width, shape.width)
        self.feed_forward_norm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)
        self.feed_forward_up = nn.Linear(shape.width, 4 * shape.width)
        self.feed_forward_down = nn.Linear(4 * shape.width, shape.width)

    def forward(self, x: Tensor) -> Tensor:  # [rows, length, width]
        rows, length, width = x.shape
        qkv = self.attention_qkv(self.attention_norm(x)).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [rows, heads, length, head width]
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(rows, length, width)
        x = x + F.dropout(self.attention_output(mixed), self.dropout, self.training)
        hidden = F.gelu(self.feed_forward_up(self.feed_forward_norm(x)), approximate="tanh")
        return x + F.dropout(self.feed_forward_down(hidden), self.dropout, self.training)


class Model(nn.Module):
    def __init__(self, shape: Shape, dropout: float = 0.0):
        super().__init__()
        self.shape = shape
        self.dropout = dropout
        self.token_embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.position_embedding = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.output_norm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("attention_output.weight", "feed_forward_down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * shape.layers) if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:  # [rows, length] -> logits [rows, length, vocabulary]
        x = self.token_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.output_norm(x), self.token_embedding.weight)


def loss_of(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    logits = model(inputs)
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


@torch.no_grad()
def held_out_loss(model: Model, data: PackedStories, rows_per_batch: int = 8) -> float:
    model.eval()
    inputs, targets = data.all_rows(model.shape.context)
    total = 0.0
    for first in range(0, len(inputs), rows_per_batch):
        some = slice(first, first + rows_per_batch)
        total += float(loss_of(model, inputs[some], targets[some])) * len(inputs[some])
    model.train()
    return total / len(inputs)


@torch.no_grad()
def write_story(model: Model, tokenizer: Tokenizer, prompt: str, tokens: int, temperature: float, seed: int = 0) -> str:
    """A continuation of the prompt, greedy at temperature 0; stops at the end of text."""
    generator = torch.Generator().manual_seed(seed)
    end = tokenizer.token_to_id(END_OF_TEXT)
    ids = tokenizer.encode(prompt).ids
    model.eval()
    for _ in range(min(tokens, model.shape.context - len(ids))):
        logits = model(torch.tensor([ids]))[0, -1]
        if temperature == 0:
            token = int(logits.argmax())
        else:
            token = int(torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=generator))
        if token == end:
            break
        ids.append(token)
    model.train()
    return tokenizer.decode(ids)


# ---------------------------------------------------------------------------------------------------------------
# Files


@dataclass
class Progress:
    """How far training is; kept in the checkpoint."""

    step: int = 0
    tokens: int = 0


def save_checkpoint(folder: Path, model: Model, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    temporary = folder / "checkpoint.partial"
    checkpoint = {
        "shape": asdict(model.shape), "model": model.state_dict(), "optimizer": optimizer.state_dict(), **asdict(progress),
    }
    torch.save(checkpoint, temporary)
    os.replace(temporary, folder / "checkpoint.pt")


def read_checkpoint(folder: Path) -> dict:
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def load_checkpoint(folder: Path) -> tuple[Model, Tokenizer]:
    checkpoint = read_checkpoint(folder)
    model = Model(Shape(**checkpoint["shape"]))
    model.load_state_dict(checkpoint["model"])
    return model, Tokenizer.from_file(str(folder / "tokenizer.json"))


def gguf_tensor_names(shape: Shape) -> dict[str, str]:
    """From this file's parameter names to those that llama.cpp gives a GPT-2."""
    modules = {
        "token_embedding": "token_embd",
        "position_embedding": "position_embd",
        "output_norm": "output_norm",
    }
    parts = {
        "attention_norm": "attn_norm",
        "attention_qkv": "attn_qkv",
        "attention_output": "attn_output",
        "feed_forward_norm": "ffn_norm",
        "feed_forward_up": "ffn_up",
        "feed_forward_down": "ffn_down",
    }
    for layer in range(shape.layers):
        modules |= {f"blocks.{layer}.{ours}": f"blk.{layer}.{theirs}" for ours, theirs in parts.items()}
    return modules


def export_gguf(model: Model, tokenizer: Tokenizer, path: Path) -> None:
    """Matrices in F16; norms, biases and positions in F32. There is no `output.weight`: the head is tied."""
    shape = model.shape
    temporary = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)

    writer = gguf.GGUFWriter(temporary, "gpt2")
    writer.add_name(NAME)
    writer.add_description(DESCRIPTION)
    writer.add_license("MIT")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(4 * shape.width)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_layer_norm_eps(shape.norm_epsilon)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)

    description = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(description["vocab"], key=description["vocab"].__getitem__)
    end = tokenizer.token_to_id(END_OF_TEXT)
    types = [gguf.TokenType.CONTROL if token == end else gguf.TokenType.NORMAL for token in range(len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in description["merges"]])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)

    names = gguf_tensor_names(shape)
    for name, parameter in model.state_dict().items():
        module, kind = name.rsplit(".", 1)
        values = parameter.float().numpy()
        is_matrix = values.ndim == 2 and module != "position_embedding"
        writer.add_tensor(f"{names[module]}.{kind}", values.astype(np.float16 if is_matrix else np.float32))

    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, path)


# ---------------------------------------------------------------------------------------------------------------
# Training


def learning_rate(share: float, peak: float) -> float:
    """Linear warm-up over the first 2 % of the time, then a cosine to 2 % of the peak."""
    warm_up = 0.02
    if share < warm_up:
        return peak * (share / warm_up + 0.02)
    share = min(1.0, (share - warm_up) / (1 - warm_up))
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


def make_optimizer(model: Model, weight_decay: float) -> torch.optim.Optimizer:
    matrices = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98))


def train(arguments: argparse.Namespace, log: TextIO) -> None:
    def report(line: str) -> None:
        print(line, flush=True)
        print(line, file=log, flush=True)

    work = arguments.work_folder
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)

    stories = read_stories(arguments.text_folder)
    order = torch.randperm(len(stories), generator=generator).tolist()
    held_out_count = max(1, round(len(stories) * arguments.held_out))
    held_out_stories = [stories[index] for index in order[:held_out_count]]
    training_stories = [stories[index] for index in order[held_out_count:]]

    progress = Progress()
    if arguments.resume:
        checkpoint = read_checkpoint(work)
        shape = Shape(**checkpoint["shape"])
        tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
        progress = Progress(checkpoint["step"], checkpoint.get("tokens", 0))
        generator.manual_seed(arguments.seed + progress.step)  # other rows than the first time
    else:
        shape = Shape(arguments.vocabulary, arguments.context, arguments.width, arguments.layers, arguments.heads)
        tokenizer = train_tokenizer(training_stories, shape.vocabulary)
        tokenizer.save(str(work / "tokenizer.json"))
    training = PackedStories(tokenizer, training_stories)
    held_out = PackedStories(tokenizer, held_out_stories)

    model = Model(shape, arguments.dropout)
    optimizer = make_optimizer(model, arguments.weight_decay)
    if arguments.resume:
        model.load_state_dict(checkpoint["model"])
        if "optimizer" in checkpoint:
            optimizer.load_state_dict(checkpoint["optimizer"])
        report(f"# resumed after step {progress.step}")
    step_model = torch.compile(model) if arguments.compile else model
    parameters = sum(parameter.numel() for parameter in model.parameters())
    report(f"# {shape}, {parameters:,} parameters, dropout {arguments.dropout}, peak rate {arguments.rate}")
    report(f"# {len(training_stories)} stories of {len(training.ids):,} tokens, "
           f"held out {len(held_out_stories)} of {len(held_out.ids):,}; {arguments.minutes} minutes")
    report(f"{'step':>6} {'tokens':>10} {'train':>7} {'held-out':>8} {'rate':>8} {'tokens/s':>8} {'elapsed s':>9}")

    begin = time.monotonic()
    end = 60 * arguments.minutes
    preliminary_due = 60 * arguments.preliminary_minutes
    evaluation_due = 60.0
    window_tokens = 0
    window_losses: list[float] = []
    window_begin = begin
    while (elapsed := time.monotonic() - begin) < end:
        share = elapsed / end
        # Short rows first: attention is cheaper, and most of the language is local.
        length = shape.context // 2 if share < arguments.short_share else shape.context
        inputs, targets = training.random_batch(arguments.batch_tokens // length, length, generator)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(share, arguments.rate)
        loss = loss_of(step_model, inputs, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        progress.step += 1
        progress.tokens += inputs.numel()
        window_tokens += inputs.numel()
        window_losses.append(loss.item())

        elapsed = time.monotonic() - begin
        if elapsed >= preliminary_due:
            export_gguf(model, tokenizer, arguments.gguf)
            report(f"# preliminary GGUF written at step {progress.step}")
            preliminary_due = math.inf
        if elapsed >= evaluation_due or elapsed >= end:
            rate = window_tokens / (time.monotonic() - window_begin)
            report(f"{progress.step:6d} {progress.tokens:10d} {np.mean(window_losses):7.4f} "
                   f"{held_out_loss(model, held_out):8.4f} {optimizer.param_groups[0]['lr']:8.2e} {rate:8.0f} "
                   f"{elapsed:9.0f}")
            save_checkpoint(work, model, optimizer, progress)
            evaluation_due += arguments.evaluation_seconds
            window_losses, window_tokens, window_begin = [], 0, time.monotonic()

    save_checkpoint(work, model, optimizer, progress)
    export_gguf(model, tokenizer, arguments.gguf)
    report(f"# final: held-out loss {held_out_loss(model, held_out):.4f} per token, "
           f"{held_out_bits_per_byte(model, held_out, held_out_stories):.3f} bits per byte")
    for prompt in SAMPLE_PROMPTS:
        for temperature in (0.0, 0.8):
            report(f"# temperature {temperature}: {write_story(model, tokenizer, prompt, 160, temperature)!r}")


def held_out_bits_per_byte(model: Model, data: PackedStories, stories: list[str]) -> float:
    """The loss in a unit that does not depend on the vocabulary; an end of text counts as one byte."""
    size = sum(len(story.encode()) + 1 for story in stories)
    return held_out_loss(model, data) * len(data.ids) / size / math.log(2)


def parse_arguments() -> argparse.Namespace:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text_folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--preliminary-minutes", type=float, default=10)
    parser.add_argument("--evaluation-seconds", type=float, default=120)
    parser.add_argument("--work-folder", type=Path, default=Path("/tmp/tandem-tales"))
    parser.add_argument("--gguf", type=Path, default=here / "../../Deploy/models/tandem-tales.gguf")
    parser.add_argument("--log", type=Path, default=here / "default_model_training.log")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="use torch.compile (needs a C++ compiler)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint; appends to the log")
    parser.add_argument("--export-only", action="store_true", help="write the GGUF from the last checkpoint")
    parser.add_argument("--vocabulary", type=int, default=Shape.vocabulary)
    parser.add_argument("--context", type=int, default=Shape.context)
    parser.add_argument("--width", type=int, default=Shape.width)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--heads", type=int, default=Shape.heads)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--short-share", type=float, default=0.6, help="share of the time with half-length rows")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--held-out", type=float, default=0.03)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    if arguments.export_only:
        model, tokenizer = load_checkpoint(arguments.work_folder)
        export_gguf(model, tokenizer, arguments.gguf)
        return
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    with arguments.log.open("a" if arguments.resume else "w", encoding="utf-8") as log:
        train(arguments, log)


if __name__ == "__main__":
    main()
