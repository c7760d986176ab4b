#!/usr/bin/env python3
"""Trains small SentencePiece models and writes the ids that the sentencepiece library gives for some texts.

    python3 make_sentencepiece_fixtures.py     # writes ../Fixtures/sentencepiece

Needs sentencepiece (0.2). Nothing but white space and control pieces is looked at here: the rest is covered by
make_tokenizer_fixtures.py.
"""
import io
import json
from pathlib import Path

import sentencepiece

FIXTURES = Path(__file__).resolve().parent.parent / "Fixtures"
TEXTS = [
    "", " ", "a", "Once upon a time", "  two  spaces  ", "end\n", "\nbegin", "a\n\nb\n", "a\tb\t", "end\u3000",
    "\u3000a\u3000\u3000b", "a \u3000", "a\u00a0", "<s>", "</s>", "<unk>", "a <s> b</s>", "<pad>", "<ctl>", "x<ctl>y",
    "<0x41>", "\u2047", "\u00e9t\u00e9", "\u65e5\u672c", "\u2581a", "the end. \n",
]


def train(name, **options):
    out = io.BytesIO()
    story = (FIXTURES / "perplexity" / "story.txt").read_text()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(story.splitlines()), model_writer=out, hard_vocab_limit=False, pad_id=3,
        control_symbols=["<ctl>"], num_threads=1, minloglevel=2, **options)
    (FIXTURES / "sentencepiece" / f"{name}.model").write_bytes(out.getvalue())
    model = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    return [{"text": text, "ids": model.encode(text)} for text in TEXTS]


def main():
    (FIXTURES / "sentencepiece").mkdir(exist_ok=True)
    cases = {
        "unigram": train("unigram", model_type="unigram", vocab_size=120, normalization_rule_name="identity"),
        "unigram-bytes": train(
            "unigram-bytes", model_type="unigram", vocab_size=380, normalization_rule_name="identity",
            byte_fallback=True),
        "unigram-all-spaces": train(
            "unigram-all-spaces", model_type="unigram", vocab_size=120, normalization_rule_name="identity",
            remove_extra_whitespaces=False),
        "bpe": train("bpe", model_type="bpe", vocab_size=120, normalization_rule_name="identity"),
    }
    (FIXTURES / "sentencepiece" / "cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
