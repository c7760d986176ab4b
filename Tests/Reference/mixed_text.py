"""Writes text that tokenizers find hard: the same bytes for the same size, from integer arithmetic only.

Code, Latin prose, CJK, other scripts, emoji, combining marks, control characters, white space of all kinds, random
scalars and broken UTF-8. Usage: mixed_text.py SIZE_IN_BYTES OUTPUT
"""

import sys

WORDS = ("the of and to in is was for that with time people world hello every river morning don't I'll they're we've "
         "HELLO WORLD It's Über naïve façade résumé mañana straße Ångström œuvre").split()
CODE = ["def f(x):\n    return x ** 2\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n", "if (x != null && y >= 10) { return; }\r\n",
        "let result = try await client.get(\"/v1/items?id=42\")\n", "#include <stdio.h>\n", "SELECT * FROM users WHERE id = 7;\n",
        "<div class=\"a b\">&nbsp;</div>\n", "        self.assertEqual(a, b)\n", "// TODO: fix_this_later(42);\n", "0x7fff 1e-10 3.14159 1_000_000\n"]
SCRIPTS = [(0x4E00, 0x9FA5), (0x3041, 0x3096), (0x30A1, 0x30FA), (0xAC00, 0xD7A3), (0x410, 0x44F), (0x391, 0x3C9), (0x5D0, 0x5EA),
           (0x621, 0x64A), (0x905, 0x939), (0xE01, 0xE3A), (0x1100, 0x11FF), (0x10A0, 0x10FF), (0x1E00, 0x1EFF), (0x20000, 0x20100)]
MARKS = [(0x300, 0x36F), (0x591, 0x5BD), (0x64B, 0x65F), (0x93C, 0x94D), (0xE31, 0xE4E), (0x1AB0, 0x1ABE), (0x20D0, 0x20F0), (0x3099, 0x309A)]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☃", "1️⃣", "🤷🏻‍♀️", "🫠", "👩🏾‍💻"]
SPACES = [" ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", "\r", " \n ", "\u00a0", "\u3000", "\u2003", "\u200b", "\u2028", "\u0085", "\x0b", "\x0c", "\ufeff"]
NUMBERS = ["7", "42", "1234", "3.14", "1,000,000", "٣٤٥", "½", "Ⅻ", "²", "१२३", "𝟘𝟙", "2026-11-24"]
PUNCTUATION = ["...", "!!!", "?!", "—", "«", "»", "“", "”", "(", ")", "[", "]", "{", "}", "'", "\"", "_", "$", "€", "%", "+", "=", "<", ">", "|", "~", "▁", "Ġ", "\\", "/"]
SPECIAL = ["<|endoftext|>", "<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]", "<0x41>", "<tool>"]
BROKEN = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"\x80\xbf", b"\xe2(\xa1"]


class Random:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        value = self.state
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    def below(self, limit):
        return self.next() % limit

    def choice(self, items):
        return items[self.below(len(items))]


def scalar(random, ranges):
    low, high = random.choice(ranges)
    return chr(low + random.below(high - low + 1))


def piece(random):
    kind = random.below(100)
    if kind < 34:
        return " ".join(random.choice(WORDS) for _ in range(1 + random.below(12))) + random.choice([" ", ". ", ", ", "\n", "; "])
    if kind < 50:
        return random.choice(CODE)
    if kind < 64:
        ranges = [random.choice(SCRIPTS)]
        return "".join(scalar(random, ranges) for _ in range(1 + random.below(14)))
    if kind < 70:
        return "".join(scalar(random, [(0x61, 0x7A), (0xC0, 0x17F), (0x3B1, 0x3C9), (0x1100, 0x1112), (0x915, 0x939), (0x304B, 0x3053)])
                       + "".join(scalar(random, MARKS) for _ in range(random.below(4))) for _ in range(1 + random.below(5)))
    if kind < 75:
        return "".join(random.choice(EMOJI) for _ in range(1 + random.below(3)))
    if kind < 82:
        return random.choice(SPACES) * (1 + random.below(4))
    if kind < 87:
        return random.choice(NUMBERS)
    if kind < 91:
        return random.choice(PUNCTUATION) * (1 + random.below(3))
    if kind < 93:
        return chr(random.below(32)) + chr(0x7F + random.below(33))
    if kind < 94:
        return random.choice(SPECIAL)
    if kind < 96:
        value = random.below(0x32000)
        return chr(value) if not 0xD800 <= value < 0xE000 else "\ufffd"
    if kind < 97:
        return random.choice("a=-. x日") * (1 + random.below(200))
    if kind < 99:
        return random.choice(WORDS) + random.choice(["'s", "'S", "'ll", "'LL", "'\u017f", "’s", "'d", "'M", "'Re"])
    return random.choice(BROKEN)


def text(size, seed=20261124):
    random = Random(seed)
    result = bytearray()
    while len(result) < size:
        part = piece(random)
        result += part if isinstance(part, bytes) else part.encode("utf-8")
    return bytes(result[:size])


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as file:
        file.write(text(int(sys.argv[1])))
