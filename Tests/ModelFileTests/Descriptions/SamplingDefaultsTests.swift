// How an author's suggestions for choosing tokens are read, from folders and GGUF files, and written into the latter.
import Sequences
import Testing

@testable import ModelFile

@Suite("An author's sampling defaults")
struct SamplingDefaultsTests {
    private let all = SamplingParameters(temperature: 0.6, topK: 20, topP: 0.95, minP: 0.05, repeatPenalty: 1.05)

    /// Of a folder with this generation_config.json.
    private func defaults(_ json: String?) throws -> SamplingParameters {
        var folder = try TinyModels.llamaFolder()
        if let json { folder.files["generation_config.json"] = Array(json.utf8) }
        return try folder.model().generation.sampling
    }

    @Test("A folder's come from generation_config.json, and what is absent or null is nil")
    func folder() throws {
        let json = """
            {"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.05, "repetition_penalty": 1.05}
            """
        #expect(try defaults(json) == all)
        #expect(try defaults(nil) == SamplingParameters())
        #expect(try defaults(#"{"temperature": null, "top_k": null}"#) == SamplingParameters())
    }

    @Test("do_sample false is greedy, whatever the temperature; its absence says nothing")
    func greedy() throws {
        #expect(try defaults(#"{"do_sample": false, "temperature": 0.6}"#).temperature == 0)
        #expect(try defaults(#"{"do_sample": false}"#).temperature == 0)
        #expect(try defaults(#"{"do_sample": true}"#).temperature == nil)
        #expect(try defaults(#"{"temperature": 0.6}"#).temperature == 0.6)
    }

    @Test(
        "What has no meaning is left out, and the model stays usable",
        arguments: [
            #"{"temperature": -1}"#, #"{"temperature": "warm"}"#, #"{"temperature": 1e300}"#, #"{"top_k": 1.5}"#,
            #"{"top_k": 1e30}"#, #"{"top_p": 0}"#, #"{"top_p": 1.01}"#, #"{"min_p": 2}"#, #"{"min_p": -0.1}"#,
            #"{"repetition_penalty": 0}"#, #"{"repetition_penalty": 1e-300}"#, #"{"repetition_penalty": []}"#,
            #"{"do_sample": "no"}"#,
        ])
    func meaningless(json: String) throws {
        #expect(try defaults(json) == SamplingParameters())
    }

    @Test("Fewer than no likeliest tokens are all of them")
    func topK() throws {
        #expect(try defaults(#"{"top_k": -1}"#).topK == 0)
        #expect(try defaults(#"{"top_k": 0}"#).topK == 0)
    }

    @Test("A GGUF file's come from the keys that llama.cpp's converter writes")
    func gguf() throws {
        var file = TinyModels.llamaGGUF()
        #expect(try file.model().generation.sampling == SamplingParameters())
        file.set("general.sampling.temp", .float(0.6))
        file.set("general.sampling.top_k", .int32(20))
        file.set("general.sampling.top_p", .float(0.95))
        file.set("general.sampling.min_p", .float(0.05))
        file.set("general.sampling.penalty_repeat", .float(1.05))
        #expect(try file.model().generation.sampling == all)
        file.set("general.sampling.temp", .string("warm"))
        file.set("general.sampling.top_p", .float(.nan))
        let rest = try file.model().generation.sampling
        #expect(rest.temperature == nil && rest.topP == nil && rest.topK == 20)
    }

    @Test("A folder that becomes a GGUF file keeps its own")
    func conversion() throws {
        var folder = try TinyModels.llamaFolder()
        for json in [
            #"{"temperature": 0.6, "top_k": 20, "min_p": 0.05}"#, #"{"do_sample": false, "top_p": 0.5}"#, "{}",
        ] {
            folder.files["generation_config.json"] = Array(json.utf8)
            let before = try folder.model()
            let fields = try before.conversion(.f32, requantizing: false).writer.fields
            var file = TinyModels.llamaGGUF()
            for field in fields where field.key.hasPrefix("general.sampling.") {
                let type = field.encoded.prefix(4).enumerated().reduce(UInt32(0)) {
                    $0 | UInt32($1.element) << (8 * $1.offset)
                }
                file.set(field.key, .raw(type: type, bytes: Array(field.encoded.dropFirst(4))))
            }
            #expect(try file.model().generation.sampling == before.generation.sampling, "\(json)")
        }
    }
}
