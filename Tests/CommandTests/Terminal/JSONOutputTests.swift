// Responsible for: JSON of every command has one form: an object, keys in snake case, a version.
// Must not know: what the keys mean.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("JSON")
    struct JSONOutputTests {
        /// Keys, and names within values of a model's configuration, that are not in snake case.
        private func strangers(in value: Any, key: String = "") -> [String] {
            switch value {
            case let object as [String: Any]:
                return object.flatMap { (key, inner) in
                    let isRight = key.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil
                    return (isRight ? [] : [key]) + strangers(in: inner, key: key)
                }
            case let list as [Any]: return list.flatMap { strangers(in: $0, key: key) }
            default: return []
            }
        }

        /// Every value of a key, wherever it stands.
        private func values(of wanted: String, in value: Any) -> [Any] {
            switch value {
            case let object as [String: Any]:
                return object.flatMap { ($0 == wanted ? [$1] : []) + values(of: wanted, in: $1) }
            case let list as [Any]: return list.flatMap { values(of: wanted, in: $0) }
            default: return []
            }
        }

        private func check(_ output: String, _ what: String) throws -> [String: Any] {
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(what)")
            #expect(object["schema_version"] as? Int == 1, "\(what)")
            #expect(strangers(in: object).isEmpty, "\(what)")
            #expect(values(of: "prompt_tokens", in: object).allSatisfy { $0 is [Any] }, "\(what)")
            return object
        }

        @Test(
            "Every command prints one object with a version, and nothing else",
            arguments: [
                "run -m $TALES -p Once --max-tokens 2 --logprobs 2 --json", "tokenize -m $TALES -p Once --json",
                "detokenize -m $TALES 5 --json", "inspect $TALES --json", "config show worker --json",
                "doctor --json || true",
                "quantize $TALES $XDG_CACHE_HOME/x.gguf --type q8_0 --json",
                "perplexity -m $TALES --file <(head -c 9000 $TALES) --context 16 --chunks 1 --json",
                "bench model -m $TALES --pp 4 --tg 1 --repetitions 1 --threads 1 --json",
                "bench kernels --types f32 --batch 1 --threads 1 --rows 16 --columns 256 --context 8 --repetitions 1 --json",
            ])
        func form(command: String) async throws {
            let outcome = try await bash("$TANDEM \(command)")
            #expect(outcome.status == 0, "\(outcome)")
            _ = try check(outcome.output, command)
        }

        @Test("So does the state of a cluster, and an answer of it")
        func cluster() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let answer = try await cluster.generate("-p", "Once", "--max-tokens", "2", "--json", "--seed", "7").wait()
            let object = try check(answer.output, "generate")
            #expect(object["seed"] as? Int == 7 && object["prompt_tokens"] is [Int])
            #expect((object["timings"] as? [String: Any])?["prompt_token_count"] is Int)
            let status = try await tandem("status", "--coordinator", cluster.address, "--json", cache: cluster.folder)
            _ = try check(status.output, "status")
        }

        @Test("A model's configuration reads the same whatever its family", arguments: ["llama-f32", "gpt2-f32"])
        func configuration(model: String) async throws {
            let outcome = try await tandem("inspect", Place.fixture(model), "--json")
            let object = try check(outcome.output, model)
            let configuration = try #require(object["configuration"] as? [String: Any])
            let positions = try #require(configuration["positions"] as? [String: Any])
            #expect(["rotary", "learned"].contains(positions["kind"] as? String))
            if positions["kind"] as? String == "rotary" {
                #expect(positions["base"] is Double && (positions["scaling"] as? [String: Any])?["kind"] is String)
            }
            #expect(["rms_norm", "layer_norm"].contains(configuration["normalization"] as? String))
        }

        @Test("Names become snake case as people write them")
        func names() {
            for (name, key) in [
                ("contextLength", "context_length"), ("int8OperationsPerSecond", "int8_operations_per_second"),
                ("clampedSwiGLU", "clamped_swi_glu"), ("hasSwiGLUGate", "has_swi_glu_gate"), ("p50", "p50"),
                ("prompt_tokens", "prompt_tokens"), ("promptTokens", "prompt_token_count"), ("", ""),
            ] { #expect(JSONOutput.key(name) == key) }
        }
    }
}
