// Responsible for: every field that a message can name is a flag of some command. Must not know: which there are.
import Foundation
import Testing

extension CommandTests {
    @Suite("Fields")
    struct FieldTests {
        /// The fields that sources declare, as flags.
        private static func flags() throws -> Set<String> {
            let folder = Place.package.appendingPathComponent("Sources")
            let files = try #require(FileManager.default.enumerator(atPath: folder.path))
            var flags: Set<String> = []
            while let path = files.nextObject() as? String {
                guard path.hasSuffix(".swift") else { continue }
                let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
                for match in text.matches(of: /= Field\("([a-z0-9_]+)"\)/) {
                    flags.insert("--" + match.1.replacing("_", with: "-"))
                }
            }
            return flags
        }

        @Test("Every field that a message can name is a flag of some command")
        func spelled() async throws {
            var help = ""
            for command in [
                ["run"], ["coordinator"], ["worker"], ["generate"], ["quantize"], ["perplexity"], ["status"],
                ["plan"], ["token", "create"], ["bench", "model"], ["bench", "kernels"], ["bench", "cluster"],
                ["chaos"],
            ] {
                help += try await TandemProcess(command + ["--help"], cache: TemporaryFolder()).wait().output
            }
            let words = Set(help.split { !($0.isLetter || $0.isNumber || $0 == "-") }.map(String.init))
            let flags = try Self.flags()
            #expect(flags.count > 40 && flags.contains("--max-tokens"))
            #expect(flags.subtracting(words).isEmpty)
        }
    }
}
