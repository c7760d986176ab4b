"""Makes Tests/Fixtures/tokenizer-steps: small tokenizers of every kind that a tokenizer.json can describe, and digests of
what the `tokenizers` library (0.23.3) makes of hundreds of texts.

Usage: make_tokenizer_fixtures.py [DATA_FOLDER]

With DATA_FOLDER, the `../shared/data` of the project, only the digests for real vocabularies on 5 MB of mixed text are
written (mixed.json; two minutes), without it all others.

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
    lines = texts()
    (FOLDER / "texts.json").write_text(json.dumps(lines), encoding="ascii")
    digests = {}
    for name, tokenizer in tokenizers():
        document = json.loads(tokenizer.to_str())
        (FOLDER / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")), encoding="ascii")
        # As it reads its own file: the library's reader rounds scores differently from its trainer.
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
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



# The expressions of each model family's tokenizer.json, by the names that llama.cpp gives them. Where llama.cpp has
# several steps they are cut one after the other.
SPACES = r"|\s+(?!\S)|\s+"
LINES = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+" + SPACES
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+" + SPACES
LLAMA3 = SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + LINES
QWEN2 = SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + LINES
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def cased(short: str, numbers: str) -> str:
    return (r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + short + r"|[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*" + short
            + "|" + numbers + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+" + SPACES)


DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+" + SPACES)
CJK = "[一-龥\u3040-ゟ゠-ヿ]+"
CASED_LETTERS = (
    r"A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}"
    r"ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃")
HANLESS_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
HANLESS_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
FAMILIES = {
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "gpt-2 gpt2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert jina-v1-en jina-v2-code roberta-bpe exaone4 mpt"
    " olmo jais trillion granite-docling": [GPT2],
    "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe chatglm-bpe glm4": [LLAMA3],
    "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2": [QWEN2],
    "qwen35": [SHORT + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
    "ufakzeka": [r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + LINES],
    "laguna": [r"[^\n]+|[\n]+", QWEN2],
    "minicpm5": [r"\p{N}{1,3}", SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+" + LINES],
    "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2": [r"\p{N}", GPT2],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "deepseek-llm": [r"[\r\n]", r"\s?[" + CASED_LETTERS + "]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", "[一-龥\u0800-一가-\ud7ff]+", r"\p{N}+"],
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥\u0800-一가-\ud7ff]+", r"\p{N}"],
    "deepseek-v3 hunyuan-dense joyai-llm hy_v4": [r"\p{N}{1,3}", CJK, DEEPSEEK3],
    "spark2_5": [r"\p{N}{1,3}", CJK, DEEPSEEK3.replace(r"[\r\n]*|\s*[\r\n]+", r"|[\r\n]"), r"\p{N}"],
    "youtu": ["[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|" + CJK, cased(SHORT + "?", r"\p{N}")],
    "poro-chat bloom gpt3-finnish": [r" ?[^(\s|[.,!?…。，、।۔،])]+"],
    "viking": [r" ?[^(\s|[.,!?…。，、।۔،])]+", r"\p{N}"],
    "tekken": [cased("", r"\p{N}")],
    "gpt-4o llama4 kanana2 talkie minimax-m2 granite-embed-multi-97m": [cased(SHORT + "?", r"\p{N}{1,3}")],
    "tiny_aya cohere2moe": [r"\d{1,3}(?=(?:\d{3})*\b)", cased(SHORT + "?", r"\p{N}{1,3}")],
    "chameleon": ["<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )", r"\p{N}", r"[\p{P}!-/:-@\[-`{-~]", GPT2],
    "kimi-k2": [r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?" + HANLESS_UPPER + "*" + HANLESS_LOWER + "+" + SHORT + r"?|[^\r\n\p{L}\p{N}]?"
                + HANLESS_UPPER + "+" + HANLESS_LOWER + "*" + SHORT + r"?|\p{N}{1,3}" + LINES],
    "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "bailingmoe bailingmoe2 llada-moe": [
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
    "seed-coder": [SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"],
    "exaone-moe": [SHORT + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"],
    "jais-2": [SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)"
               r"|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}"],
    "gemma4 granite-embed-multi-311m sarvam-moe": [r"[^\n]+|[\n]+"],
}


def write_words() -> None:
    """For each name, digests of the words of each text; a zero byte ends a word."""
    lines = texts()
    result = {}
    for names, expressions in FAMILIES.items():
        steps = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(expression), "isolated") for expression in expressions])
        digests = []
        for text in lines:
            value = 0xCBF29CE484222325
            for word, _ in steps.pre_tokenize_str(text):
                value = fnv(word.encode() + b"\0", value)
            digests.append(f"{value:016x}")
        for index, name in enumerate(names.split()):
            if index < 4:  # the others have the same expressions
                result[name] = " ".join(digests)
    (FOLDER / "words.json").write_text(json.dumps(result, indent=0), encoding="ascii")
    print(f"words of {len(result)} names")


def read_pieces(path: Path) -> list[tuple[str, float, int]]:
    """Text, score and type of each piece of a SentencePiece file (Protocol Buffers)."""
    data = path.read_bytes()

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value, at

    def fields(at: int, end: int):
        while at < end:
            tag, at = varint(at)
            if tag & 7 == 0:
                value, at = varint(at)
                yield tag >> 3, value
            elif tag & 7 == 2:
                size, at = varint(at)
                yield tag >> 3, (at, at + size)
                at += size
            else:
                size = 4 if tag & 7 == 5 else 8
                yield tag >> 3, data[at:at + size]
                at += size

    pieces = []
    for number, value in fields(0, len(data)):
        if number == 1:
            text, score, kind = "", 0.0, 1
            for inner, content in fields(*value):
                if inner == 1:
                    text = data[content[0]:content[1]].decode()
                elif inner == 2:
                    score = struct.unpack("<f", content)[0]
                elif inner == 3:
                    kind = content
            pieces.append((text, score, kind))
    return pieces


def mistral(path: Path) -> Tokenizer:
    """As LlamaConverter of transformers makes it."""
    pieces = read_pieces(path)
    vocabulary = {text: index for index, (text, _, _) in enumerate(pieces)}
    merges = []
    for text, score, _ in [(text, 0.0, kind) for text, _, kind in pieces[:3]] + pieces[3:]:
        cuts = [(text[:at], text[at:], score) for at in range(1, len(text)) if text[:at] in vocabulary and text[at:] in vocabulary]
        merges += sorted(cuts, key=lambda cut: (vocabulary[cut[0]], vocabulary[cut[1]]))
    merges = sorted(merges, key=lambda cut: (cut[2], len(cut[0]), len(cut[1])), reverse=True)
    tokenizer = Tokenizer(models.BPE(vocabulary, [cut[:2] for cut in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=kind != 4) for text, _, kind in pieces if kind in (2, 3, 4)])
    return tokenizer


def qwen2(folder: Path) -> Tokenizer:
    """As Qwen2Converter of transformers makes it."""
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    added = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["added_tokens_decoder"]
    tokenizer.add_tokens([AddedToken(token["content"], normalized=False, special=True) for _, token in sorted(added.items())])
    return tokenizer


def write_mixed(data: Path) -> None:
    """Digests of the ids of each 65,536 bytes of the mixed text."""
    text = mixed_text.text(MIXED_BYTES)
    pieces = [text[at:at + PIECE_BYTES].decode("utf-8", errors="replace") for at in range(0, len(text), PIECE_BYTES)]
    result = {}
    for name in ["gpt2", "smollm-135m", "qwen2", "mistral/tokenizer.model.v1", "mistral/mistral_instruct_tokenizer_241114.model.v7"]:
        folder = data / "tokenizers" / name
        if name == "qwen2":
            tokenizer = qwen2(folder)
        elif name.startswith("mistral"):
            tokenizer = mistral(folder)
        else:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.no_truncation()
        result[name] = " ".join(f"{fnv(ids_bytes(tokenizer.encode(piece, add_special_tokens=False).ids)):016x}" for piece in pieces)
    (FOLDER / "mixed.json").write_text(json.dumps(result, indent=0), encoding="ascii")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_mixed(Path(sys.argv[1]))
    else:
        write_steps()
        write_words()
