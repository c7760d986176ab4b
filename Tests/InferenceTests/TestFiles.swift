// Where the files of these tests lie.
//
// Responsible for: the fixtures in this package and the data outside it.
// Must not know: what the files hold.

import Foundation

enum TestFiles {
    /// The root of the package.
    static let root: URL = {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path),
                folder.lastPathComponent != "Tests"
            {
                break
            }
        }
        return folder
    }()

    /// Models with golden values of Hugging Face transformers.
    static let models = root.appendingPathComponent("Tests/Fixtures/models")

    /// Models of every family, with golden values too.
    static let families = root.appendingPathComponent("Tests/Fixtures/families")

    /// Quantized folders, with golden values too.
    static let packed = root.appendingPathComponent("Tests/Fixtures/packed")

    /// Third-party data outside the package: beside it, or where TANDEM_SHARED says.
    static let shared: URL =
        ProcessInfo.processInfo.environment["TANDEM_SHARED"].map { URL(fileURLWithPath: $0) }
        ?? root.deletingLastPathComponent().appendingPathComponent("shared/data")

    static func isThere(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
}
