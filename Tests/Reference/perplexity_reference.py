"""Perplexity as llama.cpp's `llama-perplexity` defines it, computed with llama-cpp-python: what `tandem perplexity` is
compared with. The text is encoded once with BOS as the model wants it, its last newline left out; windows of n tokens
follow each other; where the model adds BOS it replaces the first token of each; positions n/2 ... n-2 are scored.

    python Tests/Reference/perplexity_reference.py --model M.gguf --file TEXT [--context 512] [--chunks K]
    python Tests/Reference/perplexity_reference.py --model M.gguf --quantize q8_0 --output M-q8_0.gguf
    python Tests/Reference/perplexity_reference.py --random-llama R.gguf --vocabulary ggml-vocab-llama-spm.gguf

Prints one JSON object: perplexity, standard_error, running. The third form writes a seeded random Llama (4 layers of
256, grouped queries, the vocabulary of another GGUF file) whose distribution is far from uniform.
"""

import argparse
import json

import numpy as np


def perplexity(path, text_path, context, chunks):
    import llama_cpp

    model = llama_cpp.Llama(path, n_ctx=context, n_batch=context, logits_all=True, verbose=False, n_threads=2)
    text = open(text_path, "rb").read()
    if text.endswith(b"\n"):
        text = text[:-1]
    vocabulary = llama_cpp.llama_model_get_vocab(model._model.model)
    adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(vocabulary))
    tokens = model.tokenize(text, add_bos=True, special=False)
    count = len(tokens) // context
    if chunks is not None:
        count = min(count, chunks)
    losses, running = [], []
    for index in range(count):
        window = tokens[index * context : (index + 1) * context]
        if adds_bos:
            window[0] = model.token_bos()
        model.reset()
        model.eval(window)
        logits = model.scores[:context].astype(np.float64)
        for position in range(context // 2, context - 1):
            row = logits[position]
            top = row.max()
            losses.append(np.log(np.exp(row - top).sum()) + top - row[window[position + 1]])
        running.append(float(np.exp(np.mean(losses))))
    losses = np.array(losses)
    value = float(np.exp(losses.mean()))
    error = float(value * np.sqrt(losses.var() / (len(losses) - 1)))
    print(json.dumps({"perplexity": value, "standard_error": error, "scored_tokens": len(losses), "running": running}))


def quantize(path, output, kind):
    import ctypes

    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = {
        "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
        "q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
        "q4_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    }[kind]
    status = llama_cpp.llama_model_quantize(path.encode(), output.encode(), ctypes.byref(parameters))
    if status != 0:
        raise SystemExit(f"llama.cpp cannot quantize {path}")


def random_llama(output, vocabulary):
    import gguf

    layers, dim, heads, key_heads, wide, context = 4, 256, 8, 2, 768, 1024
    source = gguf.GGUFReader(vocabulary)
    writer = gguf.GGUFWriter(output, "llama")
    for name, field in source.fields.items():
        if not name.startswith("tokenizer."):
            continue
        kind = field.types[0]
        if kind == gguf.GGUFValueType.ARRAY:
            writer.add_key_value(name, field.contents(), kind, sub_type=field.types[1])
        else:
            writer.add_key_value(name, field.contents(), kind)
    size = len(source.fields["tokenizer.ggml.tokens"].data)
    writer.add_context_length(context)
    writer.add_embedding_length(dim)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(wide)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(dim // heads)
    writer.add_vocab_size(size)
    random = np.random.default_rng(20)

    def add(name, *shape, scale=1.0):
        values = random.standard_normal(shape) * scale / np.sqrt(shape[-1])
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", size, dim, scale=16)
    for layer in range(layers):
        prefix = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(prefix + norm + ".weight", np.ones(dim, np.float32))
        add(prefix + "attn_q.weight", dim, dim, scale=1.5)
        add(prefix + "attn_k.weight", key_heads * dim // heads, dim, scale=1.5)
        add(prefix + "attn_v.weight", key_heads * dim // heads, dim)
        add(prefix + "attn_output.weight", dim, dim)
        add(prefix + "ffn_gate.weight", wide, dim)
        add(prefix + "ffn_up.weight", wide, dim)
        add(prefix + "ffn_down.weight", dim, wide)
    writer.add_tensor("output_norm.weight", np.ones(dim, np.float32))
    add("output.weight", size, dim, scale=2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--file")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--chunks", type=int)
    parser.add_argument("--quantize", choices=["q8_0", "q4_0", "q4_k_m"])
    parser.add_argument("--output")
    parser.add_argument("--random-llama")
    parser.add_argument("--vocabulary")
    arguments = parser.parse_args()
    if arguments.random_llama:
        random_llama(arguments.random_llama, arguments.vocabulary)
    elif arguments.quantize:
        quantize(arguments.model, arguments.output, arguments.quantize)
    else:
        perplexity(arguments.model, arguments.file, arguments.context, arguments.chunks)


main()
