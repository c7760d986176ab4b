// Responsible for: a history kept between sessions, in a file that nobody else may read.
// Must not know: keys, what entries mean.
import Foundation
import Sequences

/// A file with an entry a line, each as a JSON string, so that entries may have line breaks.
struct HistoryFile {
    let path: String

    /// Longer entries are kept for the session only.
    private static let longestEntryBytes = 1 << 18
    /// Of a longer file the end is read, and the rest forgotten.
    private static let longestFileBytes: UInt64 = 1 << 24
    /// The file is written anew where it has so many times the entries of a history.
    private static let slack = 4

    /// `$XDG_STATE_HOME/tandem/NAME`, else in `~/.local/state`; nil where no home is known.
    init?(name: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        // The specification of XDG base directories: relative paths are to be ignored.
        let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 + "/.local/state" }
        guard let folder = state ?? home else { return nil }
        path = folder + "/tandem/" + name
    }

    /// The newest entries; lines that are none are passed over.
    func read() -> [String] {
        guard let (data, isCut) = newest() else { return [] }
        let lines = data.split(separator: UInt8(ascii: "\n"))
        let entries = lines.suffix(History.longest).compactMap {
            try? JSONDecoder().decode(String.self, from: Data($0))
        }
        if isCut || lines.count > Self.slack * History.longest { rewrite(entries) }
        return entries
    }

    /// What the file holds, at most so much as is kept; nil where it is no file, as `/dev/null` is none.
    private func newest() -> (data: Data, isCut: Bool)? {
        var status = stat()
        guard stat(path, &status) == 0, Self.isFile(status), let file = FileHandle(forReadingAtPath: path) else {
            return nil
        }
        defer { try? file.close() }
        guard let size = try? file.seekToEnd() else { return nil }
        let isCut = size > Self.longestFileBytes
        try? file.seek(toOffset: isCut ? size - Self.longestFileBytes : 0)
        guard let data = try? file.read(upToCount: Int(Self.longestFileBytes)) else { return nil }
        // The first line is a part of one.
        return (isCut ? data.drop { $0 != UInt8(ascii: "\n") } : data, isCut)
    }

    /// Adds an entry at the end. Throws `TandemError` where it cannot be kept.
    func append(_ entry: String) throws {
        guard entry.utf8.count <= Self.longestEntryBytes else { return }
        let folder = (path as NSString).deletingLastPathComponent
        let attributes = [FileAttributeKey.posixPermissions: 0o700]
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: attributes)
        // Nobody may read a pipe that has the file's name.
        let file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        var status = stat()
        var line = try Self.line(entry)
        if fstat(file, &status) == 0, Self.isFile(status) {
            fchmod(file, 0o600)
            // A line that was never ended must not take this one with it.
            var last = UInt8(ascii: "\n")
            if pread(file, &last, 1, status.st_size - 1) == 1, last != UInt8(ascii: "\n") {
                line.insert(UInt8(ascii: "\n"), at: 0)
            }
        }
        let count = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == line.count else { throw failure() }
    }

    /// Under another name first: a history is never half there.
    private func rewrite(_ entries: [String]) {
        let temporary = path + ".\(getpid())"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        let bytes = entries.flatMap { (try? Self.line($0)) ?? [] }
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
        if count != bytes.count || rename(temporary, path) != 0 { unlink(temporary) }
    }

    private static func isFile(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFREG }

    private static func line(_ entry: String) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return Array(try encoder.encode(entry)) + [UInt8(ascii: "\n")]
    }

    private func failure() -> TandemError {
        TandemError("the history cannot be kept in \(path): \(String(cString: strerror(errno)))", kind: .internal)
    }
}
