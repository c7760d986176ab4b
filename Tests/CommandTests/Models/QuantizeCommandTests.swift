// Responsible for: `tandem quantize` and `--quantize` as people use them: the same answers, and never half a file.
import Foundation
import Testing

extension CommandTests {
    @Suite("Quantizing")
    struct QuantizeCommandTests {
        struct Summary: Decodable {
            struct TypeCount: Decodable {
                var type: String
                var tensors: Int
                var bytes: Int
            }
            var type: String
            var tensors: Int
            var inputBytes: Int
            var outputBytes: Int
            var bitsPerWeight: Double
            var types: [TypeCount]
            var fallbacks: [String]
        }

        static let question = [
            "--prompt", "Once upon a time", "--temperature", "0", "--max-tokens", "24", "--logprobs", "3",
        ]

        private func names(in folder: TemporaryFolder) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "tandem" }
        }

        @Test("A model quantized while it is loaded answers as its file does, alone and on a cluster")
        func sameAnswer() async throws {
            let folder = try TemporaryFolder()
            let file = folder.path + "/small.gguf"
            let written = try await tandem("quantize", Place.tales, file, "--type", "q4_k_m")
            try #require(written.status == 0, "\(written.talk)")
            #expect(written.output.contains("bits per weight"))
            let expected = try await reference(model: file, Self.question)
            #expect(try await reference(["--quantize", "Q4_K_M"] + Self.question) == expected)
            #expect(try await reference(Self.question) != expected)

            let cluster = try await LocalCluster("--quantize", "q4_k_m", "--min-workers", "2")
            try cluster.join()
            try cluster.join("--model", Place.tales)  // a copy with other bytes is of no use, and does no harm
            try await cluster.waitUntilServing(workers: 2)
            #expect(try await cluster.answer(Self.question) == expected)
            #expect(try await cluster.status().workers.allSatisfy { $0.transferredBytes > 0 })
        }

        @Test("The summary is one JSON object, and a file of that name is only replaced where that is asked for")
        func summary() async throws {
            let folder = try TemporaryFolder()
            let file = folder.path + "/q8.gguf"
            let first = try await tandem("quantize", Place.fixture("gpt2-f32"), file, "--type", "q8_0", "--json")
            let summary = try decode(Summary.self, first.output)
            #expect(summary.type == "q8_0" && summary.tensors == summary.types.reduce(0) { $0 + $1.tensors })
            #expect(summary.outputBytes == summary.types.reduce(0) { $0 + $1.bytes })
            #expect(summary.outputBytes < summary.inputBytes && summary.bitsPerWeight < 32)
            #expect(summary.fallbacks.contains("token_embd.weight"))  // its rows have 48 columns
            let bytes = FileManager.default.contents(atPath: file)
            let second = try await tandem("quantize", Place.tales, file, "--type", "q8_0")
            #expect(second.status == 1 && second.talk.contains("--force"))
            #expect(FileManager.default.contents(atPath: file) == bytes)
            let third = try await tandem("quantize", Place.tales, file, "--type", "f16", "--force")
            #expect(third.status == 0 && FileManager.default.contents(atPath: file) != bytes)
            let fourth = try await tandem("quantize", file, file, "--type", "q8_0", "--force")
            #expect(fourth.status == 1 && fourth.talk.contains("is the file that is converted"))
            #expect(try names(in: folder) == ["q8.gguf"])
        }

        @Test("What cannot be is refused with one sentence, and nothing is written")
        func refused() async throws {
            let folder = try TemporaryFolder()
            let output = folder.path + "/out.gguf"
            let quantized = Place.fixture("gguf/llama-q8_0.gguf")
            let cases: [([String], String)] = [
                (["quantize", "/nowhere", output, "--type", "q8_0"], "/nowhere"),
                (["quantize", Place.tales, "/nowhere/out.gguf", "--type", "q8_0"], "/nowhere"),
                (["quantize", Place.tales, "/proc/out.gguf", "--type", "q8_0"], "/proc/out.gguf"),
                (["quantize", Place.tales, folder.path, "--type", "q8_0"], folder.path),
                (["quantize", Place.tales, "/dev/full", "--type", "q8_0", "--force"], "/dev/full"),
                (["quantize", quantized, output, "--type", "q4_0"], "--allow-requantize"),
                (["quantize", Place.tales, output, "--type", "q9"], "mxfp4_moe"),
                (["quantize", Place.tales, output, "--type", "q8_0", "--threads", "0"], "--threads"),
                (["run", "--model", Place.tales, "--quantize", "q9", "--prompt", "x"], "mxfp4_moe"),
                (["run", "--model", quantized, "--quantize", "q4_0", "--prompt-tokens", "1"], "--quantize"),
                (["coordinator", "--model", Place.tales, "--quantize", "q9"], "mxfp4_moe"),
            ]
            for (arguments, word) in cases {
                let outcome = try await TandemProcess(arguments, cache: folder).wait()
                #expect([1, 2, 66].contains(outcome.status) && outcome.output.isEmpty, "\(arguments)")
                let errors = outcome.talk.split(separator: "\n").filter { $0.hasPrefix("error:") }
                #expect(errors.count == 1 && outcome.talk.contains(word), "\(arguments): \(outcome.talk)")
            }
            #expect(try names(in: folder).isEmpty)
        }

        @Test(
            "Ctrl-C, or a kill, leaves nothing of the new file and nothing else", arguments: [SIGINT, SIGTERM, SIGKILL])
        func stopped(signal: Int32) async throws {
            let folder = try TemporaryFolder()
            let input = folder.path + "/large.gguf"
            try Self.writeLarge(input)
            let process = try TandemProcess(
                ["quantize", input, folder.path + "/out.gguf", "--type", "q4_k_m", "--threads", "1"], cache: folder)
            let isBegun = await eventually { Self.isWriting(process, in: folder) || !process.isRunning }
            try await Task.sleep(for: .milliseconds(500))
            try #require(isBegun && process.isRunning, "\(process.talkSoFar)")
            process.signal(signal)
            let outcome = try await process.wait()
            #expect(outcome.status == 128 + signal || outcome.status == 130)
            #expect(try names(in: folder) == ["large.gguf"])
        }

        /// Whether it has a file of the folder open beside the one that it reads.
        private static func isWriting(_ process: TandemProcess, in folder: TemporaryFolder) -> Bool {
            let files = FileManager.default
            let links = "/proc/\(process.pid)/fd/"
            let paths = ((try? files.contentsOfDirectory(atPath: links)) ?? []).compactMap {
                try? files.destinationOfSymbolicLink(atPath: links + $0)
            }
            let name = "/" + URL(fileURLWithPath: folder.path).lastPathComponent + "/"
            return paths.contains { $0.contains(name) && !$0.hasSuffix("/large.gguf") }
        }

        /// A GGUF file of one F32 matrix of 2 GiB zeros, most of them a hole.
        private static func writeLarge(_ path: String) throws {
            func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
                withUnsafeBytes(of: value.littleEndian) { Array($0) }
            }
            func text(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }
            var header = Array("GGUF".utf8) + bytes(UInt32(3)) + bytes(UInt64(1)) + bytes(UInt64(1))
            header += text("general.architecture") + bytes(UInt32(8)) + text("llama")
            header += text("blk.0.ffn_up.weight") + bytes(UInt32(2))
            header += bytes(UInt64(1 << 14)) + bytes(UInt64(1 << 15)) + bytes(UInt32(0)) + bytes(UInt64(0))
            try Data(header).write(to: URL(fileURLWithPath: path))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.truncate(atOffset: UInt64((header.count + 32 + (4 << 29))))
            try file.close()
        }
    }
}
