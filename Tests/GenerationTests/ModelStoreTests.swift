// Responsible for: where models with names lie, what a name means, and which model serves where nobody names one.
// Must not know: how they get there.
import Foundation
import ModelFile
import Sequences
import Testing

@testable import Generation

@Suite("The model store")
struct ModelStoreTests {
    private let folder: TemporaryFolder
    private let store: ModelStore

    /// A store with a GGUF file, a split one, a Hugging Face folder and what is none of these.
    init() throws {
        folder = try TemporaryFolder()
        store = ModelStore(folder: folder.path)
        for name in [
            "SmolLM2-135M.Q4_1.gguf", "SmolLM2-360M.Q8_0.GGUF", "big-00001-of-00002.gguf", "big-00002-of-00002.gguf",
            ".fetch.gguf", "notes.txt", ".gguf",
        ] {
            try Data().write(to: URL(fileURLWithPath: folder.file(name)))
        }
        for name in ["qwen3", "not-a-model"] {
            try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        }
        try Data("{}".utf8).write(to: URL(fileURLWithPath: folder.file("qwen3/config.json")))
    }

    private func failure(_ name: String) throws -> TandemError {
        do throws(TandemError) {
            let path = try store.path(of: name)
            Issue.record("\(name) is \(path)")
            throw TandemError("no failure")
        } catch { return error }
    }

    @Test("GGUF files, the first part of split ones and folders with a configuration have names")
    func entries() {
        #expect(store.entries.map(\.name) == ["SmolLM2-135M.Q4_1", "SmolLM2-360M.Q8_0", "big", "qwen3"])
        #expect(
            store.entries.map(\.path) == [
                folder.file("SmolLM2-135M.Q4_1.gguf"), folder.file("SmolLM2-360M.Q8_0.GGUF"),
                folder.file("big-00001-of-00002.gguf"), folder.file("qwen3"),
            ])
        #expect(ModelStore(folder: folder.file("nowhere")).entries.isEmpty)
    }

    @Test("A name is found with and without its ending, in any capitals, and by a beginning that only it has")
    func found() throws {
        for name in [
            "SmolLM2-135M.Q4_1", "SmolLM2-135M.Q4_1.gguf", "smollm2-135m.q4_1", "SMOLLM2-135M.Q4_1.GGUF", "smollm2-1",
        ] {
            #expect(try store.path(of: name) == folder.file("SmolLM2-135M.Q4_1.gguf"), "\(name)")
        }
        #expect(try store.path(of: "b") == folder.file("big-00001-of-00002.gguf"))
        #expect(try store.path(of: "Qwen") == folder.file("qwen3"))
    }

    @Test("A whole name comes before longer ones that begin with it, capitals as written before others")
    func exact() throws {
        for name in ["qwen3-moe.gguf", "QWEN3-MOE.gguf"] {
            try Data().write(to: URL(fileURLWithPath: folder.file(name)))
        }
        #expect(try store.path(of: "qwen3") == folder.file("qwen3"))
        #expect(try store.path(of: "qwen3-moe") == folder.file("qwen3-moe.gguf"))
        #expect(try failure("qwen3-Moe").message.description == "qwen3-Moe may be QWEN3-MOE or qwen3-moe")
        #expect(try failure("qwen3-").kind == .notFound)
    }

    @Test("Several that are meant are listed; what is unknown gets the nearest name, or how to get a model")
    func failures() throws {
        let several = try failure("smollm2")
        #expect(several.message.description == "smollm2 may be SmolLM2-135M.Q4_1 or SmolLM2-360M.Q8_0")
        #expect(several.kind == .notFound && several.hint?.description == "write more of the name")
        for (name, meant) in [
            ("smolm2", "SmolLM2-135M.Q4_1"), ("qwne3", "qwen3"), ("Smollm2-306m.q8_0.gguf", "SmolLM2-360M.Q8_0"),
        ] {
            let misspelt = try failure(name)
            #expect(misspelt.kind == .notFound && misspelt.message.description.hasPrefix("\(name): there is no such"))
            #expect(misspelt.hint?.description == "did you mean \(meant)? `tandem list` shows all")
        }
        for name in ["nope", "x", "not-a-model", "notes", "gemma-3-27b"] {
            let hint = try failure(name).hint?.description ?? ""
            #expect(hint.contains("tandem list") && hint.contains("Deploy/fetch-model smollm2"), "\(name): \(hint)")
        }
    }

    @Test("Paths are paths, whatever they lead to")
    func paths() throws {
        for path in ["", "./qwen3", "/nowhere/qwen3", "folder/qwen", folder.file("notes.txt")] {
            #expect(try store.path(of: path) == path)
        }
        // The package's own folder "Sources" lies where tests run.
        if FileManager.default.fileExists(atPath: "Sources") {
            try Data().write(to: URL(fileURLWithPath: folder.file("Sources.gguf")))
            #expect(try store.path(of: "Sources") == "Sources")
            #expect(try store.path(of: "sources") == folder.file("Sources.gguf"))
        }
    }

    @Test("TANDEM_MODELS comes first, then XDG_DATA_HOME, then HOME; relative paths of the last two do not count")
    func place() {
        let own = NSHomeDirectory() + "/.local/share/tandem/models"
        for (environment, path) in [
            (["TANDEM_MODELS": "models", "XDG_DATA_HOME": "/x"], "models"),
            (["TANDEM_MODELS": "", "XDG_DATA_HOME": "/x", "HOME": "/h"], "/x/tandem/models"),
            (["XDG_DATA_HOME": "x", "HOME": "/h"], "/h/.local/share/tandem/models"),
            (["HOME": "h"], own), ([:], own),
        ] {
            #expect(ModelStore.folder(in: environment) == path, "\(environment)")
        }
    }

    @Test("The shipped model is found from the program that was built beside it; the user's own names come first")
    func shipped() throws {
        let models = TestFiles.root.appendingPathComponent("Deploy/models").path
        for build in [".build/release/tandem", ".build/x86_64-unknown-linux-gnu/debug/tandem"] {
            #expect(ModelStore.shipped(with: TestFiles.root.appendingPathComponent(build).path) == models)
        }
        #expect(ModelStore.shipped(with: folder.file("tandem")) == nil)
        let installed = folder.file("usr/share/tandem/models")
        try FileManager.default.createDirectory(atPath: installed, withIntermediateDirectories: true)
        #expect(ModelStore.shipped(with: folder.file("usr/bin/tandem")) == installed)
        #expect(ModelStore(folder: "/nowhere", shippedFolder: models).entries.map(\.path) == [TestFiles.tales])
        try Data().write(to: URL(fileURLWithPath: folder.file("tandem-tales.gguf")))
        let both = ModelStore(folder: folder.path, shippedFolder: models)
        #expect(both.entries.count == 5)
        #expect(try both.path(of: "tandem") == folder.file("tandem-tales.gguf"))
    }

    @Test(
        "Where nobody names a model SmolLM2 serves, else the shipped one, else there is an error that names the field")
    func starters() throws {
        #expect(throws: TandemError.self) { try store.starter() }
        do { _ = try store.starter() } catch { #expect(error.field == .model && error.hint != nil) }
        let models = TestFiles.root.appendingPathComponent("Deploy/models").path
        let both = ModelStore(folder: folder.path, shippedFolder: models)
        #expect(try both.starter().model == .tales && both.starter().path == TestFiles.tales)
        let path = folder.file("SmolLM2-135M-Instruct.Q4_1.gguf")
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(try both.starter().model == .smolLM2 && both.starter().path == path)
    }

    @Test("The scripts fetch and ask what the program does")
    func scripts() throws {
        func script(_ name: String) throws -> String {
            try String(contentsOf: TestFiles.root.appendingPathComponent("Deploy/\(name)"), encoding: .utf8)
        }
        let demo = try script("demo")
        for model in StarterModel.all {
            #expect(demo.contains(model.name) && demo.contains("question=\"\(model.prompt)\""))
            #expect(demo.contains("sampling=(--seed \(model.seed) --temperature \(model.temperature))"))
        }
        #expect(try script("fetch-model").contains("/\(StarterModel.smolLM2.name).gguf\n"))
    }

    @Test("The list tells family, sizes and type of each model, and why one cannot be used")
    func listing() throws {
        let link = folder.file("tales.gguf")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: TestFiles.tales)
        let items = ModelListing(store).models
        let tales = try #require(items.first { $0.name == "tales" })
        #expect(
            tales
                == .init(
                    name: "tales", path: link, family: "gpt2", parameters: 3_161_088, fileBytes: tales.fileBytes,
                    type: "F16", problem: nil))
        #expect(tales.fileBytes ?? 0 > 6_000_000)
        let empty = try #require(items.first { $0.name == "big" })
        #expect(empty.problem?.contains("big-00001-of-00002.gguf") == true && empty.family == nil)
    }
}
