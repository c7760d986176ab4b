"""Makes Tests/Fixtures/tokenizer-steps: small tokenizers of every kind that a tokenizer.json can describe, and digests of
what the `tokenizers` library (0.23.3) makes of hundreds of texts.

Usage: make_tokenizer_fixtures.py [DATA_FOLDER]

DATA_FOLDER is the `../shared/data` of the project; with it, digests for real vocabularies on 5 MB of mixed text are
written too.

A digest is FNV-1a (64 bits) over bytes: of ids as little-endian int32, of text as UTF-8. See the README.
"""

import array
import json
import struct
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import mixed_text
from tokenizer_texts import CASES, CORPUS

FOLDER = Path(__file__).parent.parent / "Fixtures/tokenizer-steps"
MIXED_BYTES = 5_000_000
PIECE_BYTES = 65_536


def fnv(data: bytes, value: int = 0xCBF29CE484222325) -> int:
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def ids_bytes(ids: list[int]) -> bytes:
    return array.array("i", ids).tobytes()


def texts() -> list[str]:
    """Texts that are hard for one step or another; the added tokens of the tokenizers below stand in some."""
    random = mixed_text.Random(7)
    result = list(CASES)
    extra = ["<sp>", " <sp> ", "a<lead>b", "a \t<lead> b", "x<trail>  \n y", "<trail>", "word", "swords word word.", "Word", "NORM", "norm",
             "ＮＯＲＭ", "é", "e\u0301", "ﬁ", "①", "ｱ", "가", "\u1100\u1161", "Å", "\u212b", "\u0344", "ſ", "İI", "ß"]
    for _ in range(280):
        parts = []
        for _ in range(1 + random.below(7)):
            part = random.choice(extra) if random.below(5) == 0 else mixed_text.piece(random)
            parts.append(part if isinstance(part, str) else part.decode("utf-8", errors="replace"))
        result.append("".join(parts)[:160])
    return result


ADDED = [
    AddedToken("<sp>", special=True, normalized=False), AddedToken("<lead>", lstrip=True, normalized=False),
    AddedToken("<trail>", rstrip=True, special=True, normalized=False), AddedToken("word", single_word=True, normalized=False),
    AddedToken("norm", normalized=True),
]
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
TRAINING = CORPUS.splitlines() + CASES


def bpe_model(**options) -> Tokenizer:
    return Tokenizer(models.BPE(**options))


def train(tokenizer: Tokenizer, size: int = 400, alphabet: list[str] = [], **options) -> Tokenizer:
    """By the model that the tokenizer has."""
    model = type(tokenizer.model).__name__
    if model == "BPE":
        trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=alphabet, limit_alphabet=200, **options)
    elif model == "Unigram":
        trainer = trainers.UnigramTrainer(vocab_size=size, show_progress=False, unk_token="<unk>", special_tokens=["<unk>"], **options)
    elif model == "WordPiece":
        trainer = trainers.WordPieceTrainer(vocab_size=size, show_progress=False, limit_alphabet=120, **options)
    else:
        trainer = trainers.WordLevelTrainer(vocab_size=size, show_progress=False, **options)
    tokenizer.train_from_iterator(TRAINING, trainer)
    tokenizer.add_tokens(ADDED)
    return tokenizer


def edited(tokenizer: Tokenizer, change) -> Tokenizer:
    document = json.loads(tokenizer.to_str())
    change(document)
    return Tokenizer.from_str(json.dumps(document))


def byte_level(pre=None, normalizer=None, **options) -> Tokenizer:
    tokenizer = bpe_model()
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre or pre_tokenizers.ByteLevel(**options)
    tokenizer.decoder = decoders.ByteLevel()
    return train(tokenizer, alphabet=ALPHABET)


def with_bytes(tokenizer: Tokenizer, unknown: str = "<unk>") -> Tokenizer:
    """Adds tokens for all bytes to a BPE model and turns on byte_fallback."""
    def change(document):
        vocabulary = document["model"]["vocab"]
        document["added_tokens"] = [token for token in document["added_tokens"] if token["content"] in vocabulary]
        next_id = len(vocabulary)
        for byte in range(256):
            vocabulary[f"<0x{byte:02X}>"] = next_id + byte
        document["model"]["byte_fallback"] = True
    tokenizer = edited(tokenizer, change)
    tokenizer.add_tokens(ADDED)
    return tokenizer


def metaspace_bpe(scheme: str, split: bool, bytes_too: bool = True, **options) -> Tokenizer:
    tokenizer = bpe_model(unk_token="<unk>", **options)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)])
    tokenizer = train(tokenizer, special_tokens=["<unk>"])
    return with_bytes(tokenizer) if bytes_too else tokenizer


def split_tokenizer(behavior: str, pattern: str, invert: bool = False) -> Tokenizer:
    return byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior, invert), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))


def unigram(pre=None, normalizer=None, decoder=None, **options) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre or pre_tokenizers.Metaspace()
    tokenizer.decoder = decoder or decoders.Metaspace()
    return train(tokenizer, size=500, **options)


def wordpiece(normalizer=None, pre=None, **options) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", **options))
    tokenizer.normalizer = normalizer or normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre or pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer = train(tokenizer, special_tokens=["[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def charsmap() -> bytes:
    """A compiled map like SentencePiece's, with a few entries: ﬁ, ① and ｱ, "e\u0301", a full-width letter, a tab, a zero-width space
    that vanishes. The double array is built by trying offsets, so that no library is needed."""
    entries = {"ﬁ": "fi", "①": "1", "ｱ": "ア", "e\u0301": "é", "Ｎ": "N", "\t": " ", "\u200b": "", "\u3000": " ", "™": "TM", "\u00a0": " "}
    keys = sorted((key.encode(), value) for key, value in entries.items())
    replacements, places = b"", {}
    for key, value in keys:
        places[key] = len(replacements)
        replacements += value.encode() + b"\0"
    units = {0: 0}
    used = {0}

    def place(node: int, depth: int, group):
        children = sorted({key[depth] for key, _ in group if len(key) > depth})
        ends = [key for key, _ in group if len(key) == depth]
        labels = ([0] if ends else []) + children
        offset = 1
        while any((node ^ offset ^ label) in used for label in labels) or offset >= 1 << 21:
            offset += 1
        units[node] = units[node] | offset << 10
        for label in labels:
            used.add(node ^ offset ^ label)
        if ends:
            units[node] |= 1 << 8
            units[node ^ offset] = 1 << 31 | places[ends[0]]
        for label in children:
            units[node ^ offset ^ label] = label
        for label in children:
            place(node ^ offset ^ label, depth + 1, [item for item in group if len(item[0]) > depth and item[0][depth] == label])

    place(0, 0, keys)
    size = max(units) + 256
    blob = b"".join(struct.pack("<I", units.get(index, 0)) for index in range(size))
    return struct.pack("<I", len(blob)) + blob + replacements


def tokenizers():
    """Name and tokenizer, of each kind."""
    n, p, d = normalizers, pre_tokenizers, decoders
    yield "byte-level-prefix", byte_level(add_prefix_space=True, use_regex=True)
    yield "byte-level-no-regex", byte_level(add_prefix_space=False, use_regex=False)
    yield "byte-level-nfc", byte_level(normalizer=n.NFC(), add_prefix_space=False)
    yield "byte-level-normalizer", bytelevel_normalizer()
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        yield "split-" + behavior.replace("_", "-"), split_tokenizer(behavior, r"\s|[aeio]+|\p{P}")
    yield "split-inverted", split_tokenizer("removed", r"\w+|[^\w\s]+", invert=True)
    yield "split-string", byte_level(p.Sequence([p.Split("e", "merged_with_next"), p.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "digits", byte_level(p.Sequence([p.Digits(individual_digits=False), p.ByteLevel(add_prefix_space=False)]))
    yield "digits-individual", byte_level(p.Sequence([p.Digits(individual_digits=True), p.ByteLevel(add_prefix_space=True)]))
    yield "punctuation", byte_level(p.Sequence([p.Punctuation("contiguous"), p.ByteLevel(add_prefix_space=False)]))
    yield "delimiter", byte_level(p.Sequence([p.CharDelimiterSplit("a"), p.WhitespaceSplit(), p.ByteLevel(add_prefix_space=False)]))
    yield "fixed-length", byte_level(p.Sequence([p.FixedLength(3), p.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "metaspace-always", metaspace_bpe("always", True, fuse_unk=True)
    yield "metaspace-first", metaspace_bpe("first", False, fuse_unk=True)
    yield "metaspace-never", metaspace_bpe("never", True, bytes_too=False)
    yield "metaspace-fused-unknown", metaspace_bpe("first", False, bytes_too=False, fuse_unk=True)
    yield "whitespace-then-metaspace", unigram(p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="first")]))
    yield "prepend-replace", prepend_replace()
    yield "suffix", suffix_bpe()
    yield "continuing-prefix", prefix_bpe()
    yield "whitespace-no-decoder", plain_bpe(p.Whitespace())
    for name, normalizer in [("nfc", n.NFC()), ("nfd", n.NFD()), ("nfkc", n.NFKC()), ("nfkd", n.NFKD()), ("lowercase", n.Lowercase()), ("nmt", n.Nmt()),
                             ("strip-accents", n.Sequence([n.NFD(), n.StripAccents()])), ("strip-left", n.Strip(left=True, right=False)),
                             ("replace", n.Sequence([n.Replace(Regex(r"\s+|[0-9]{2}"), " "), n.Replace("e", "EE"), n.Replace(Regex("x*"), "-"), n.Strip()])),
                             ("precompiled", n.Precompiled(charsmap()))]:
        yield "unigram-" + name, unigram(normalizer=normalizer)
    yield "unigram-metaspace-first", unigram(p.Metaspace(prepend_scheme="first", split=False), decoder=d.Metaspace(prepend_scheme="first", split=False))
    yield "unigram-bytes", unigram_bytes()
    yield "bert", wordpiece()
    yield "bert-cased", wordpiece(n.BertNormalizer(lowercase=False, strip_accents=False, clean_text=False), max_input_chars_per_word=6)
    yield "word-level", word_level()
    yield "template", template()


def bytelevel_normalizer() -> Tokenizer:
    tokenizer = bpe_model()
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.ByteLevel()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("Ġ?[a-zA-Z]+|."), "isolated")
    tokenizer.decoder = decoders.ByteLevel()
    return train(tokenizer, alphabet=ALPHABET)


def plain_bpe(pre) -> Tokenizer:
    tokenizer = bpe_model(unk_token="<unk>")
    tokenizer.pre_tokenizer = pre
    return train(tokenizer, special_tokens=["<unk>"])


def prepend_replace() -> Tokenizer:
    tokenizer = metaspace_bpe("first", False, fuse_unk=True)
    def change(document):
        document["normalizer"] = {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
        document["pre_tokenizer"] = None
    return edited(tokenizer, change)


def suffix_bpe() -> Tokenizer:
    tokenizer = bpe_model(unk_token="<unk>", end_of_word_suffix="</w>")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    return train(tokenizer, special_tokens=["<unk>"], end_of_word_suffix="</w>")


def prefix_bpe() -> Tokenizer:
    tokenizer = bpe_model(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")])
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return train(tokenizer, special_tokens=["<unk>"], continuing_subword_prefix="##")


def unigram_bytes() -> Tokenizer:
    def change(document):
        vocabulary = document["model"]["vocab"]
        added = len(vocabulary)
        for token in document["added_tokens"]:
            if token["id"] >= added:
                token["id"] += 256
        vocabulary += [[f"<0x{byte:02X}>", -20.0 - byte / 256] for byte in range(256)]
        document["model"]["byte_fallback"] = True
    return edited(unigram(decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])), change)


def word_level() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = train(tokenizer, size=300, special_tokens=["<unk>"])
    return tokenizer


def template() -> Tokenizer:
    tokenizer = byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"(?i:'s|'t)|\p{Lu}?\p{Ll}+|\p{N}{1,3}|\s+(?!\S)|\s+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<sp> <sp> $A <trail>", special_tokens=[
            ("<sp>", tokenizer.token_to_id("<sp>")), ("<trail>", tokenizer.token_to_id("<trail>"))])])
    return tokenizer


def write_steps() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    lines = texts()
    (FOLDER / "texts.json").write_text(json.dumps(lines), encoding="ascii")
    digests = {}
    for name, tokenizer in tokenizers():
        document = json.loads(tokenizer.to_str())
        (FOLDER / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")), encoding="ascii")
        cases = []
        for text in lines:
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            value = fnv(ids_bytes(plain))
            value = fnv(ids_bytes(tokenizer.encode(text, add_special_tokens=True).ids), value)
            if plain:  # the library's BPEDecoder fails on nothing
                value = fnv(tokenizer.decode(plain, skip_special_tokens=False).encode(), value)
                shown = [token for token in plain if token not in special_ids(tokenizer)]
                if shown:
                    value = fnv(tokenizer.decode(plain, skip_special_tokens=True).encode(), value)
            cases.append(f"{value:016x}")
        digests[name] = " ".join(cases)
    (FOLDER / "digests.json").write_text(json.dumps(digests, indent=0), encoding="ascii")
    print(f"{len(digests)} tokenizers, {len(lines)} texts")


def special_ids(tokenizer: Tokenizer) -> set[int]:
    return {index for index, token in tokenizer.get_added_tokens_decoder().items() if token.special}


if __name__ == "__main__":
    write_steps()
