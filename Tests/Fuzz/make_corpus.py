#!/usr/bin/env python3
"""Makes Tests/Fuzz/Corpus: the inputs from which libFuzzer begins, one folder a target, of Tests/Fixtures and of messages
written out here. Needs protoc, the gguf package and a build of Tests/Fuzz/run. Files are named by what they hold; those
that a finding left behind (regression-*) stay.

    Tests/Fuzz/make_corpus.py
"""

import json
import pathlib
import struct
import subprocess

import gguf

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURES = ROOT / "Tests/Fixtures"
MARK = b"\n%%\n"


def write(target, name, content):
    folder = HERE / "Corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def clear():
    for file in (HERE / "Corpus").glob("*/*"):
        if not file.name.startswith("regression-"):
            file.unlink()


# Messages, in the text form of protobuf.

ITEM = "items { sequence: 1 position: 31 tokens: [7, 8] blocks: [3, 0] sample_count: 1 restart_length: 40 begin {"
ITEM += " sampling { temperature: 0.7 top_k: 40 top_p: 0.9 min_p: 0.1 repeat_penalty: 1.1 presence_penalty: 0.2"
ITEM += " biased_tokens: [4, 9] biases: [-inf, 2] seed: 77 log_probability_count: 3 } prompt_token_count: 40"
ITEM += " history: [1, 2, 3] } }"
JOIN = 'join { version: %d build: "0.1" attempt: %d host_name: "h" process_id: 4321 memory_bytes: %d cores: 8 threads: 7'
JOIN += ' instruction_level: "avx512" read_bytes_per_second: 2.5e10 int8_operations_per_second: 1e12'
JOIN += ' data_endpoint: "tcp://10.0.0.2:5001" cache_identity: "' + "x" * 32 + '" }'
GENERATE = 'generate { version: %d build: "x" id: 12 %s is_raw: true sampling { temperature: 0.7 top_k: 4 seed: 1 }'
GENERATE += ' maximum_tokens: 99 stops: ["a", "b"] stop_tokens: [2, 511] priority: -7 scoring_start: 3 }'
ASSIGN = 'assign { epoch: 10 first_layer: %d end_layer: %d layer_count: 8 model_description: "abc"'
ASSIGN += " key_value_block_count: 64 maximum_batch_tokens: 512 activations_per_token: 4 %s stage_index: %d stage_count: 2"
ASSIGN += " vocabulary_size: 300 context_length: 256 }"


def version():
    for line in (ROOT / "Sources/Wire").rglob("*.swift"):
        for found in line.read_text().splitlines():
            if "let protocolVersion" in found:
                return int(found.split("=")[1])
    raise SystemExit("there is no protocolVersion")


def encode(message, text):
    return subprocess.run(
        ["protoc", f"--proto_path={ROOT}/Sources/Wire", f"--encode=tandem.{message}", "tandem.proto"],
        input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


KINDS = ["ControlRequest", "CoordinatorMessage", "ClientReply", "Forward", "StepResult", "Fetch", "Chunk", "Hello",
         "HelloReply", "EnrolReply"]
HASH = "x" * 32


def messages():
    number = version()
    conversation = 'conversation { messages { role: "user" content: "hi" } messages { role: "assistant" content: "" '
    conversation += 'reasoning: "so" } tools: "[]" template_variables: "{}" }'
    timing = "timings { wire: 1 queue: 2 compute: 3 wait: 4 } sent_microseconds: 99"
    token = "{ token: 5 log_probability: -0.1 top_tokens: [5, 6] top_log_probabilities: [-0.1, -2] }"
    return {
        "ControlRequest": {
            "join": JOIN % (number, 1, 1 << 40),
            "loading": "loading { epoch: 10 bytes_done: 2 bytes_total: 3 }",
            "ready": "ready { epoch: 10 transferred_bytes: 2 cached_bytes: 3 }",
            "failed": 'failed { epoch: 10 message: "no space" }',
            "heartbeat": "heartbeat { epoch: 10 steps_completed: 6 busy_milliseconds: 7 resident_bytes: 8 "
            "transferred_bytes: 9 cached_bytes: 10 }",
            "leave": "leave {}", "cancel": "cancel: 77", "ping": "ping {}",
            "generate-text": GENERATE % (number, 'text: "Once"'),
            "generate-tokens": GENERATE % (number, "tokens { tokens: [1, 2, 3] }"),
            "generate-conversation": GENERATE % (number, conversation),
            "status-query": f'status_query {{ version: {number} build: "y" }}',
            "link-proven": "link { epoch: 10 link: 3 bytes_per_second: 1e9 }",
            "link-failed": "link { epoch: 10 link: 1 failure: 5 }",
            "measured": "measured { number: 3 clock_microseconds: 99 round_trip_microseconds: 70 bytes_per_second: 1e8 }",
            "plan-query": f'plan_query {{ version: {number} build: "y" without: ["h", "5"] worker_count: 4 }}',
            "measure-query": f'measure_query {{ version: {number} build: "y" }}',
            "enrol": f'enrol {{ version: {number} build: "y" key: "{HASH}" is_client: true name: "host-b" }}',
        },
        "CoordinatorMessage": {
            "welcome": f'welcome {{ version: {number} build: "b" weights_endpoint: "tcp://a:1" '
            'tokens_endpoint: "tcp://a:2" model_name: "m" }',
            "refusal": 'refusal: "no"', "heartbeat": "heartbeat {}", "rejoin": "rejoin {}", "standby": "standby: 12",
            "assign-first": ASSIGN % (0, 4, 'next_endpoint: "tcp://h:1"', 0),
            "assign-last": ASSIGN % (4, 8, "", 1),
            "measure": "measure { number: 3 link: 1 bytes: 4194304 }",
            "release": "release { epoch: 10 sequences: [1, 2] }", "skip": "skip { epoch: 10 steps: [1, 2] }",
        },
        "ClientReply": {
            "accepted": 'accepted { id: 3 model_name: "m" prompt_tokens: [1, 2] dropped_messages: 1 }',
            "tokens": f'tokens {{ id: 3 tokens {token} text: "a" is_reasoning: true }}',
            "finished": "finished { id: 3 reason: 1 prompt_tokens: 5 prompt_seconds: 0.5 generated_tokens: 2 }",
            "failed": 'failed { id: 3 message { parts: ["a ", "top_p"] } hint { parts: "b" } kind: 3 '
            "retry_after_milliseconds: 9 }",
            "waiting": 'waiting { id: 3 explanation { parts: ["a", "top_k", "b"] } }',
            "scores": "scores { id: 3 log_probabilities: [-1, -inf] }", "pong": "pong { clock_microseconds: 99 }",
            "measurements": "measurements { clocks { worker: 5 round_trip_microseconds: 9 ahead_microseconds: -8 } "
            "links { from: 5 to: 6 link: 3 round_trip_microseconds: 70 bytes_per_second: 1e8 } was_busy: true }",
            "plan_preview": 'plan_preview { stages { worker: 5 name: "h" first_layer: 0 end_layer: 4 planned_bytes: 9 } '
            'idle: "w" key_value_block_count: 8 figures { one_answer: 9.5 answers: 32 } move { blocks: 3 } }',
            "notice": 'notice { id: 3 explanation { parts: "n" } }', "refusal": 'refusal: "no"',
            "status": 'status { build: "b" model_name: "m" epoch: 4 is_serving: true state: "serving" workers { id: 5 '
            'host_name: "h" first_layer: 2 end_layer: 4 state: "ready" } requests { id: 1 state: "decode" '
            "prompt_tokens: 3 } key_value_blocks_total: 9 stages { worker: 5 steps: 3 total { wire: 1 } "
            'recent_busy: 0.5 } pipeline { bubble: 0.1 counts { name: "refusals" value: 3 } } }',
        },
        "Forward": {
            "forward": f"epoch: 10 step: 1 {ITEM} activation_count: 8 {timing}",
            "draft": "epoch: 10 step: 2 items { sequence: 3 position: 1 tokens: [4, 5, 6] blocks: 6 sample_count: 3 "
            "draft_count: 2 restart_length: 7 targets: [6, 9] }",
        },
        "StepResult": {
            "result": f"epoch: 10 step: 1 samples {{ sequence: 1 sample {token} }} {timing} "
            "scores { sequence: 3 log_probabilities: [-0.5, -2] } damaged: [6, 7]",
        },
        "Fetch": {"fetch": f'content: "{HASH}" offset: 4096 length: 262144 epoch: 10'},
        "Chunk": {
            "chunk": f'content: "{HASH}" offset: 4 length: 6 total: 10',
            "error": f'content: "{HASH}" error: "unknown"',
            "outdated": f'content: "{HASH}" error: "not yours" outdated_epoch: 10',
        },
        "Hello": {
            "hello": "epoch: 10 worker: 5 number: 2 probe_bytes: 65536 reply_bytes: 1024",
            "hello-coordinator": "epoch: 10 number: 1",
        },
        "HelloReply": {
            "reply": "epoch: 10 worker: 5 number: 2 probe_bytes: 1024", "reply-coordinator": "number: 1",
        },
        "EnrolReply": {"enrolled": 'enrolled: "host-b"', "enrol-refusal": 'refusal: "the token has expired"'},
    }


def record(kind, content=b""):
    return bytes([kind]) + struct.pack("<H", len(content)) + content


def machines(encoded):
    """Sequences of records, as Inputs/Input.swift reads them and CoordinatorTarget.swift and WorkerTarget.swift act."""
    control = {name: record(0, content) for name, content in encoded["ControlRequest"].items()}
    joins = b"".join(
        record(worker << 3, encode("ControlRequest", JOIN % (version(), 1, 1000))) for worker in range(3))
    ready, tick = record(7), record(2, b"\0\xfa")
    submit, answer = record(3, bytes([20, 9, 0, 5, 128])), record(5, b"\x09")
    wrong = record(1, encoded["StepResult"]["result"])
    for name in ["loading", "failed", "heartbeat", "leave", "ready", "join"]:
        write("coordinator", name, joins + control[name] + ready + submit + tick + control[name] + answer * 3)
    write("coordinator", "answers", joins + ready + submit * 2 + answer * 12 + record(6, b"\1\0") + tick)
    write("coordinator", "scores", joins + ready + record(3, bytes([40, 9, 3, 5, 128])) + answer * 4)
    write("coordinator", "wrong-result", joins + ready + submit + wrong + answer + wrong)
    write("coordinator", "lost", joins + ready + submit + answer + record(4) + tick * 3 + ready + answer * 3)
    write("coordinator", "silence", joins + ready + submit + record(2, b"\4\0") * 4)

    command = {name: record(0, content) for name, content in encoded["CoordinatorMessage"].items()}
    forward = {name: record(1, content) for name, content in encoded["Forward"].items()}
    member = command["welcome"] + command["assign-first"] + record(3, b"\0")
    steps = forward["forward"] + record(4) + forward["draft"] + record(4)
    for name, message in command.items():
        write("worker", name, member + message + steps + tick)
    write("worker", "last", command["welcome"] + command["assign-last"] + record(3, b"\0") + steps)
    write("worker", "broken", command["welcome"] + command["assign-first"] + record(3, b"\xff") + steps)
    write("worker", "fetch", record(7, bytes([ord("x"), 10, 0, 4] * 3)) + record(6, encoded["Chunk"]["chunk"]) * 2)


# Models

def header(path):
    content = path.read_bytes()
    return content[8:8 + struct.unpack("<Q", content[:8])[0]]


def models():
    chosen = ["experts/gpt-oss-mxfp4", "experts/mixtral-q8_0", "experts/qwen3moe-bf16"]
    chosen += [f"families/{name}/model" for name in (
        "deepseek3", "exaone4", "gemma3-text", "glm4", "gpt2-gelu", "gptneox", "granite", "internlm2", "llama-yarn",
        "llama4-gguf", "olmo3", "phi3-longrope", "qwen2", "qwen3_5", "starcoder2")]
    chosen += ["models/gguf/gpt2-f16", "models/gguf/llama-q4_0"]
    for name in chosen:
        path = FIXTURES / f"{name}.gguf"
        content = path.read_bytes()[:gguf.GGUFReader(path).data_offset]
        write("gguf", name.replace("/model", "").replace("/", "-"), content)

    folders = [f"families/{name}" for name in (
        "deepseek2-lite", "deepseek3", "ernie4_5", "exaone4", "gemma3", "glm4", "gpt-neo", "gpt2-gelu", "gptneox",
        "granitemoe", "internlm2", "llama-longrope", "llama4", "mistral3", "olmo3", "phi3-longrope", "qwen2moe-sparse",
        "qwen3_next", "smollm3", "starcoder2")]
    folders += ["experts/gpt-oss-mxfp4", "experts/mixtral-bf16", "models/llama-bf16-tied"]
    folders += [f"packed/{path.name}" for path in sorted((FIXTURES / "packed").iterdir()) if path.is_dir()]
    for name in folders:
        folder = FIXTURES / name
        configuration = (folder / "config.json").read_bytes()
        parts = [configuration, b"", header(folder / "model.safetensors")]
        write("folder", name.replace("/", "-"), MARK.join(parts))
        write("configuration", name.replace("/", "-"), configuration)
    sharded = FIXTURES / "models/llama-mha-sharded"
    parts = [(sharded / "config.json").read_bytes(), (sharded / "model.safetensors.index.json").read_bytes()]
    parts += [header(path) for path in sorted(sharded.glob("*.safetensors"))]
    write("folder", "sharded", MARK.join(parts))
    defaults = (FIXTURES / "models/llama-f32/generation_config.json").read_bytes()
    settings = (FIXTURES / "tokenizers/byte-bpe-llama3/tokenizer_config.json").read_bytes()
    write("configuration", "defaults", MARK.join([(sharded / "config.json").read_bytes(), defaults, settings]))

    small = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
             "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
             "__metadata__": {"format": "pt", "c": "a"}}
    content = json.dumps(small).encode()
    write("safetensors", "small", struct.pack("<Q", len(content)) + content + bytes(26))
    for number, path in enumerate(sorted(sharded.glob("*.safetensors"))):
        write("safetensors", f"part-{number}", path.read_bytes()[:len(header(path)) + 8])


# Text

def tokenizers():
    names = ["bert", "byte-level-nfc", "continuing-prefix", "digits", "fixed-length", "metaspace-first", "mixed",
             "prepend-replace", "split-merged-with-next", "split-string", "suffix", "template", "unigram-nfkc",
             "unigram-precompiled", "word-level"]
    text = "Héllo  wörld 12 don't\n\t日本".encode()
    for name in names:
        content = (FIXTURES / f"tokenizer-steps/{name}.json").read_bytes()
        compact = json.dumps(json.loads(content), ensure_ascii=False, separators=(",", ":")).encode()
        write("tokenizer", name, MARK.join([compact, text]))
    tiny = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<s>": 3}, "merges": ["a b"]},
            "added_tokens": [{"id": 3, "content": "<s>", "special": True, "lstrip": True, "normalized": False}]}
    settings = {"bos_token": "<s>", "add_bos_token": True, "eos_token": {"content": "<s>"}}
    write("tokenizer", "tiny", MARK.join([json.dumps(tiny).encode(), b"ab <s> ba", json.dumps(settings).encode()]))
    for path in sorted((FIXTURES / "sentencepiece").glob("*.model")):
        write("sentencepiece", path.stem, path.read_bytes())

    for number, expression in enumerate([
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t)?|\s+$",
            r"(a|aa)+$|(?=x(a+)+b)a|\bfoo\B|(?<=a)b", r"[a-z&&[^aeiou]]{2,5}?|\x{1F600}|[[:alpha:]]|\d{1,3}(?=(?:\d{3})*\b)"]):
        write("pattern", f"pattern-{number}", MARK.join([expression.encode(), b"don't aaa 123456 foob  \n x"]))


def templates():
    document = json.loads((FIXTURES / "templates/expressions.json").read_text())
    variables = json.dumps(document["variables"], ensure_ascii=False)[:600]
    sources = [case["template"] for case in document["cases"] if len(case["template"]) < 400]
    groups = [sources[number:number + 12] for number in range(0, len(sources), 12)]
    small = '{"a":1,"b":2.5,"n":null,"s":"Hello","l":[3,1,2],"d":{"x":1,"y":"two"},"m":[{"role":"user","content":"hi"}]}'
    assert variables
    for number, group in enumerate(groups[:60]):
        text = "\n".join(group).encode()[:900].decode(errors="ignore")
        write("template", f"expressions-{number}", MARK.join([text.encode(), small.encode()]))
    chat = "{% for m in messages %}{% if loop.first and m.role == 'system' %}{{ m.content | trim }}{% else %}"
    chat += "<|{{ m['role'] }}|>{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}a{% endif %}"
    write("template", "chat", chat.encode())
    hostile = ["{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "{{ 'a' * 999999999 }}", "{{ range(99999)|list }}",
               "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}",
               "{{ 9 ** 9 ** 9 }}", "{{ ''.__class__.__mro__ }}", "{{ '%999999999d' % 1 }}", "{{ '{:>99999999}'.format(1) }}"]
    for number, text in enumerate(hostile):
        write("template", f"hostile-{number}", text.encode())


def texts():
    for number, text in enumerate([
            '{"a":[1,-2.5e3,true,null,"\\u00e9\\ud83d\\ude00"],"b":{"c":{}},"a":2}', '{"a":NaN,"b":-Infinity,"c":1e400}',
            '{"x":9223372036854775807,"y":-9223372036854775809,"z":0.1e-320}', "\ufeff{}",
            "{" + '"a":{' * 70 + "}" * 71, '{"a":' + "[" * 60 + "]" * 60 + "}"]):
        write("json", f"document-{number}", text.encode())
    for number, text in enumerate([
            "tcp://127.0.0.1:7070", "[::1]:80", "inproc://a", "*:0", "host.example:*", "tcp://[fe80::1%eth0]:65535"]):
        write("address", f"endpoint-{number}", text.encode())


def trust():
    key, token = "NYByZYgK7aMp3zmfE5EhODhR7Sijt17oms0y0tFmJU8", "AAECAwQFBgcICQoLDA0ODw"
    for number, text in enumerate([
            f"192.0.2.1:7070#{key}#{token}", f"host-a:7070#{key}", "[2001:db8::1]:7070", f"tcp://a:1#{key}#{token}#x",
            f"a:1##{token}"]):
        write("join", f"line-{number}", text.encode())
    write("key", "key", f"# of host-a\n{key}\n".encode())
    write("known", "two", f"192.0.2.1:7070 {key}\nhost-a:7070 {key}\nhost-b:1\n".encode())
    local = {"address": "192.0.2.1:7070", "key": key, "token": token, "processID": 4321}
    write("local", "one", json.dumps(local).encode())
    member = {"name": "host-b", "role": "worker", "key": key, "enrolled": 1800000000}
    record = {"id": "0a1b2c3d", "role": "client", "key": key, "uses": 2, "expires": 1800003600, "created": 1800000000,
              "note": "printed by the coordinator on port 7070"}
    for name, document in {
            "one": {"members": [member], "tokens": [record], "removed": [key]},
            "none": {"members": [], "tokens": [], "removed": []},
            "negative": {"members": [member, member], "tokens": [dict(record, uses=-2**63), dict(record, expires=None)],
                         "removed": []}}.items():
        write("admissions", name, json.dumps(document).encode())


def settings():
    for number, text in enumerate([
            'context = 8192\n[worker]\nmemory = "4GiB"\ncheck = true # yes\n[bench.model]\nthreads = 0x4\n',
            "a.'b c'.\"d\" = [1, 2.5e-3, 'x', [true], inf,]\n[[t]]\n[x]\ny = { z = 1, w.v = -0 }\n",
            'x = """\n\\u00e9 \\\n  a""\"""\ny = \'\'\'b\'\'\'\'\nz = 1979-05-27T07:32:00Z\n', "a = 1\na = 2\n[a]\n"]):
        write("settings", f"file-{number}", text.encode())


def manifests():
    """As coordinators write them; by the fuzzer itself, which Tests/Fuzz/run has built."""
    program = ROOT / ".build-fuzz/release/fuzz"
    for name in ["gemma3-text", "qwen2", "deepseek3", "gpt2-gelu", "qwen3_5"]:
        model = FIXTURES / "families" / name / "model.gguf"
        content = subprocess.run([program, "--manifest", model], stdout=subprocess.PIPE, check=True).stdout
        # Swift writes the members of an object in another order each time.
        document = json.dumps(json.loads(content[1:]), sort_keys=True, separators=(",", ":"))
        write("manifest", name, content[:1] + document.encode())


clear()
encoded = {kind: {name: encode(kind, text) for name, text in group.items()} for kind, group in messages().items()}
for kind, group in encoded.items():
    for name, content in group.items():
        write("wire", f"{kind}-{name}", bytes([KINDS.index(kind)]) + content)
machines(encoded)
models()
tokenizers()
templates()
texts()
trust()
settings()
manifests()
