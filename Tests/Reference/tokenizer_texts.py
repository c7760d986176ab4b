"""Texts for the tokenizer fixtures: what the small vocabularies learn beside stories, and what they are tested on."""

CORPUS = """\
Tandem runs one language model on several hosts: a coordinator splits the layers over workers.
It's what they've said, isn't it? We'll see; I'd say they're right, and I'm sure you've read 12 of 345 pages.
def main(count=10):
    for index in range(count):
        print(index, index * 2)

Die Größe der Straße überrascht. Où est le café ? ¿Dónde está el niño? Это простой пример текста.
日本語の文章です。 这是中文。 한국어 문장입니다. مرحبا بالعالم. 🙂🙂 👍
1 2 3 10 20 100 2024 3.14 1,000,000 50% $19.99
"""

CASES: list[str] = [
    # plain text and letter case
    "",
    "Hello",
    "Once upon a time, there was a little girl named Lily.",
    " leading space",
    "trailing space ",
    "THE QUICK BROWN FOX jumps over the lazy dog.",
    "antidisestablishmentarianism",
    # runs of white space
    " ",
    "  ",
    "   three before and after   ",
    "a  b   c    d     e",
    "\t",
    "\ttabbed\t\ttwice",
    "\n",
    "line one\nline two\n\nparagraph\n\n\nfar below\n",
    "windows\r\nline\r\nends\r\n",
    " \n \n  \n",
    "mixed \t \n\t  end",
    "no-break\u00a0space, thin\u2009space, ideographic\u3000space, zero\u200bwidth",
    "def f(x):\n    if x > 0:\n        return x\n\n    return -x\n",
    # contractions and punctuation
    "I'm sure they've said it's Tom's; we'll see, you'd know, they're here, isn't it?",
    "DON'T, WE'LL, I'M and IT'S in capitals",
    "quotes: \"double\", 'single', \u201ccurly\u201d, \u2018it\u2019s\u2019",
    "...!!!??? --- *** ((())) [[]] {{}} <<>> ##",
    "https://example.org/path?query=1&other=two#part and name@example.org",
    # numbers
    "0 1 12 123 1234 12345 123456 1234567",
    "3.14159 1,000,000 -42 1e-5 50% $19.99 2024-01-31 12:34:56",
    "room101b and 4x4 and v2.0",
    # other writings
    "Größe, Straße, déjà vu, niño, Ærøskøbing, čeština, Ελληνικά",
    "Это простой пример текста.",
    "日本語の文章です。这是中文，没有空格。한국어 문장입니다.",
    "مرحبا بالعالم שלום עולם नमस्ते दुनिया สวัสดีชาวโลก",
    # emoji and combining marks
    "🙂 👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ 🤖🤖",
    "e\u0301 versus \u00e9, n\u0303 versus \u00f1, a\u0308\u0323, Z\u0351\u036b\u0343",
    "math: ∑ x² ≤ ½ · √π ∈ ℝ, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "control \u0001 and \u007f, replacement \ufffd, byte order \ufeffmark",
    # special and added tokens within the text
    "before<|endoftext|>after",
    "<|endoftext|> <|endoftext|>\n<|endoftext|>",
    "<s>start</s> and <unk> inside <s> spaces </s> end",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi there!<|eot_id|>",
    "call <tool>now</tool> or <tool_call>{\"x\": 1}</tool_call> with   <mask> left",
    "almost <|endoftext| > special <|eot_id and <s > broken",
    "▁already▁marked▁ text ▁",
    "Ġbyte Ċlevel characters themselves",
]
