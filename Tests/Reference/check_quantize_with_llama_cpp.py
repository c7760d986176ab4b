"""Shows that llama.cpp reads what `tandem quantize` writes: prints differences, writes nothing that stays.

    python check_quantize_with_llama_cpp.py TANDEM

TANDEM is the executable. Every folder of Tests/Fixtures with a golden.json is converted to F32 and to Q8_0; the 20
log-probabilities of golden.json are compared with those that llama-cpp-python computes from the file. llama.cpp keeps
keys and values in F16, so F32 differs by about 0.01. Larger differences are llama.cpp's: it knows no sliding windows of
Mistral and Phi-3 and no dynamic RoPE, takes Gemma 2's attention scale from the head size, rounds the ends of gpt-oss's
YaRN, divides the weights of Qwen3-MoE's experts by their sum and wants experts in all its layers; llama-cpp-python
takes its own betas of YaRN, not the file's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from llama_cpp import Llama

FIXTURES = Path(__file__).parent.parent / "Fixtures"


def log_probabilities(path: str, tokens: list[int]) -> np.ndarray:
    llama = Llama(model_path=path, logits_all=True, verbose=False, n_ctx=256)
    llama.eval(tokens)
    logits = np.array(llama.scores[len(tokens) - 1], dtype=np.float64)
    logits -= logits.max()
    return logits - np.log(np.exp(logits).sum())


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for golden_file in sorted(FIXTURES.glob("*/*/golden.json")):
            folder = golden_file.parent
            golden = json.loads(golden_file.read_text())
            for kind in ("f32", "q8_0"):
                path = f"{temporary}/model-{kind}.gguf"
                command = [sys.argv[1], "quantize", str(folder), path, "--type", kind, "--force"]
                result = subprocess.run(command, capture_output=True, text=True)
                if result.returncode != 0:
                    print(f"{folder.name:20} {kind:5} refused: {result.stderr.splitlines()[0]}")
                    continue
                try:
                    found = log_probabilities(path, golden["prompt_tokens"])
                except ValueError as error:
                    print(f"{folder.name:20} {kind:5} llama.cpp: {error}")
                    continue
                difference = max(abs(found[c["token"]] - c["logprob"]) for c in golden["prompt_top20"])
                print(f"{folder.name:20} {kind:5} largest difference {difference:.4f}")


if __name__ == "__main__":
    main()
