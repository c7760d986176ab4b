// Where the tests' files are: fixtures beside the tests, and real vocabularies in ../shared/data, which not every
// checkout has.

import Foundation

enum SharedData {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static let fixtures = package.appending(path: "Tests/Fixtures/tokenizers")

    /// The environment variable TANDEM_SHARED names another place.
    static let data =
        ProcessInfo.processInfo.environment["TANDEM_SHARED"].map { URL(filePath: $0) }
        ?? package.deletingLastPathComponent().appending(path: "shared/data")

    /// False skips the tests that need real vocabularies; the test report names them as skipped.
    static let isPresent = FileManager.default.fileExists(atPath: data.appending(path: "ggml-vocab").path)

    static func json<Value: Decodable>(_ type: Value.Type, at url: URL) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: url))
    }
}
