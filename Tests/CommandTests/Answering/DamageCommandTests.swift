// Responsible for: damaged models, special stop strings and stop tokens as a person meets them.
// Must not know: how they are handled.
import Foundation
import ModelFile
import Testing

/// A copy of the shipped model with a NaN in a norm of layer 2.
private func writeDamagedModel(in folder: TemporaryFolder) throws -> String {
    let tensor = try #require(
        try Model.open(path: Place.tales).tensors.first { $0.name == "blk.2.ffn_norm.weight" })
    try #require(tensor.type == .f32)
    var content = try Data(contentsOf: URL(fileURLWithPath: Place.tales))
    let place = tensor.offset + 12
    content.replaceSubrange(place..<place + 4, with: [0, 0, 0xC0, 0x7F])
    let path = folder.path + "/damaged.gguf"
    try content.write(to: URL(fileURLWithPath: path))
    return path
}

extension CommandTests {
    @Suite("Damaged models and stops", .serialized)
    struct DamageCommandTests {
        @Test("A damaged model is an error of `run` and `perplexity`; with a flag the layer is named")
        func damaged() async throws {
            let folder = try TemporaryFolder()
            let model = try writeDamagedModel(in: folder)
            let story = Place.package.appendingPathComponent("Tests/Fixtures/perplexity/story.txt").path
            for arguments in [
                ["run", "--model", model, "--prompt", "Once upon a time", "--json"],
                ["run", "--model", model, "--prompt", "Once", "--logprobs", "2", "--json"],
                ["perplexity", "--model", model, "--file", story, "--context", "64"],
            ] {
                let outcome = try await TandemProcess(arguments, cache: folder).wait()
                #expect(outcome.status == 1 && outcome.output.isEmpty, "\(outcome.output)")
                #expect(outcome.talk.contains("error: the values computed are not numbers: the model file is"))
                #expect(outcome.talk.contains("--check"))
            }
            let checked = try await tandem("run", "--model", model, "--prompt", "Once", "--check")
            #expect(checked.status == 1 && checked.talk.contains("the output of layer 2"), "\(checked.talk)")
        }

        @Test("A damaged model fails requests of a cluster, and the worker that has the layer names it")
        func cluster() async throws {
            let folder = try TemporaryFolder()
            let cluster = try await LocalCluster(model: try writeDamagedModel(in: folder), "--split", "0-3,4-5")
            for _ in 0..<2 { try cluster.join("--check") }
            try await cluster.waitUntilServing(workers: 2)
            for _ in 0..<2 {
                let outcome = try await cluster.generate("--prompt", "Once upon a time").wait()
                #expect(outcome.status == 1 && outcome.talk.contains("error: the values computed are not numbers"))
            }
            let tellers = cluster.workers.filter { $0.talkSoFar.contains("beginning with") }
            #expect(tellers.count == 1)
            #expect(tellers.first?.talkSoFar.contains("beginning with the output of layer 2") == true)
            #expect(tellers.first?.talkSoFar.contains("ready with layers 0-3") == true)
            #expect(try await cluster.status().isServing)
        }

        @Test("A stop token ends an answer before it, alone and on a cluster; ids beyond the vocabulary are refused")
        func stopTokens() async throws {
            let greedy = ["--prompt", "Once upon a time", "--temperature", "0", "--ignore-eos", "--max-tokens", "24"]
            let whole = try await reference(greedy)
            let stop = try #require(whole.tokens.last { !whole.tokens.prefix(8).contains($0) })
            let place = try #require(whole.tokens.firstIndex(of: stop))
            let arguments = greedy + ["--stop-token", "\(stop)", "--stop-token", "2047"]
            let answer = try await reference(arguments)
            #expect(answer.tokens == Array(whole.tokens[..<place]) && answer.finishReason == "stop")
            #expect(try #require(whole.text).hasPrefix(try #require(answer.text)))
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            #expect(try await cluster.answer(arguments) == answer)
            for id in ["100000", "-1"] {
                let outcome = try await TandemProcess(
                    ["run", "--model", Place.tales, "--stop-token", id] + greedy, cache: TemporaryFolder()
                ).wait()
                #expect(outcome.status != 0 && outcome.talk.contains("--stop-token is \(id)"), "\(outcome.talk)")
            }
        }
    }
}
