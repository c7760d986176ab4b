// Responsible for: a settings file: found where people put it, read within limits, held against the commands there are.
// Must not know: which commands and flags those are.
import Configuration
import Foundation
import Generation
import Sequences

/// A file of settings whose keys all mean something. `[worker]` and `[bench.model]` are for those commands, `[bench]` for
/// all of its own, and keys outside of tables for every command that has them.
struct SettingsFile: Sendable {
    /// What is wrong in one line.
    struct Problem: Error, Equatable, CustomStringConvertible {
        var path: String
        /// 0: of the file itself.
        var line: Int
        var message: String

        var description: String { line == 0 ? "\(path): \(message)" : "\(path) line \(line): \(message)" }
    }

    let path: String
    let document: TOMLDocument
    private let lines: [AbsoluteConfigKey: Int]
    private let provider: InMemoryProvider

    /// Takes all that is well; `problems` gets the rest.
    init(_ path: String, bytes: [UInt8], tree: CommandTree, problems: inout [Problem]) {
        self.path = path
        var document: TOMLDocument?
        do throws(TOMLDocument.Failure) { document = try TOMLDocument(bytes) } catch {
            problems.append(Problem(path: path, line: error.line, message: error.message))
        }
        let checker = SettingsCheck(path: path, tree: tree)
        for header in document?.headers ?? [] {
            if let message = checker.problem(of: header) {
                problems.append(Problem(path: path, line: header.line, message: message))
            }
        }
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var lines: [AbsoluteConfigKey: Int] = [:]
        for entry in document?.entries ?? [] {
            switch checker.content(of: entry) {
            case .success(let content):
                let key = AbsoluteConfigKey(entry.path)
                let isSecret = SecretSettings.keys.contains(entry.path.last ?? "")
                (values[key], lines[key]) = (ConfigValue(content, isSecret: isSecret), entry.line)
            case .failure(var problem):
                problem.line = entry.line
                // A table that is none is told once.
                if !problems.contains(where: { $0.message == problem.message }) { problems.append(problem) }
            }
        }
        if let document { self.document = document } else { self.document = .empty }
        self.lines = lines
        provider = InMemoryProvider(name: path, values: values)
    }

    /// A value of the command that `command` leads to: of its own table, else of those around it.
    func value(of key: String, for command: [String]) -> (content: ConfigContent, line: Int)? {
        for length in (0...command.count).reversed() {
            let key = AbsoluteConfigKey(command[..<length] + [key])
            guard let line = lines[key] else { continue }
            for type in [ConfigType.string, .bool, .stringArray] {
                if let value = try? provider.value(forKey: key, type: type).value { return (value.content, line) }
            }
        }
        return nil
    }

    /// Bytes: far more than anybody writes.
    static let longest = 1 << 20

    /// Reads a file that somebody has named.
    static func read(_ path: String, tree: CommandTree) throws(SettingsFailure) -> SettingsFile {
        let bytes: [UInt8]
        do throws(TandemError) {
            bytes = try InputText.file(path, called: "settings file", .configurationFile, limit: longest)
        } catch { throw SettingsFailure(error.message.spelled) }
        var problems: [Problem] = []
        let file = SettingsFile(path, bytes: bytes, tree: tree, problems: &problems)
        guard problems.isEmpty else { throw SettingsFailure(problems.map(\.description)) }
        return file
    }
}

extension TOMLDocument {
    fileprivate static let empty = TOMLDocument()

    private init() {}
}

extension Field {
    static let configurationFile = Field("config")
}

/// Settings that are wrong: a sentence each.
struct SettingsFailure: Error, Equatable {
    var sentences: [String]

    init(_ sentences: [String]) { self.sentences = sentences }
    init(_ sentence: String) { sentences = [sentence] }
}
