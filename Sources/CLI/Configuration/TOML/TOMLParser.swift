// Responsible for: the lines of a TOML file: tables, keys, and that nothing is said twice.
// Must not know: what keys mean.

/// Reads a file from its beginning to its end.
struct TOMLParser {
    /// How a name came to be.
    private enum Kind { case value, closed, header, implied, dotted }

    var source: TOMLSource
    private(set) var entries: [TOMLDocument.Entry] = []
    private(set) var headers: [TOMLDocument.Header] = []
    private var table: [String] = []
    private var known: [[String]: (kind: Kind, line: Int)] = [:]

    init(_ bytes: [UInt8]) { source = TOMLSource(bytes) }

    mutating func parse() throws(TOMLDocument.Failure) {
        try source.checkCharacters()
        while true {
            try source.skipBlankLines()
            if source.isAtEnd { return }
            if source.next == UInt8(ascii: "[") { try header() } else { try entry(in: table) }
            try source.endLine()
        }
    }

    private mutating func header() throws(TOMLDocument.Failure) {
        source.advance()
        if source.next == UInt8(ascii: "[") { throw source.failure("a list of tables, which no setting is") }
        let path = try keys()
        guard source.take("]") else { throw source.failure("] is missing behind the name of the table") }
        for length in 1..<path.count where path.count > 1 {
            let outer = Array(path[..<length])
            switch known[outer]?.kind {
            case nil: known[outer] = (.implied, source.line)
            case .value, .closed: throw said(outer)
            case .header, .implied, .dotted: break
            }
        }
        if let before = known[path], before.kind != .implied { throw said(path) }
        known[path] = (.header, source.line)
        headers.append(.init(path: path, line: source.line))
        table = path
    }

    /// `key = value`, where `outer` names the table.
    private mutating func entry(in outer: [String], depth: Int = 0) throws(TOMLDocument.Failure) {
        let keys = try keys()
        let line = source.line
        guard source.take("=") else {
            throw source.failure("= is missing behind the key \(keys.joined(separator: "."))")
        }
        source.skipBlanks()
        for length in 1..<keys.count where keys.count > 1 {
            let inner = outer + keys[..<length]
            switch known[inner]?.kind {
            case nil: known[inner] = (.dotted, line)
            case .dotted: break
            default: throw said(inner)
            }
        }
        let path = outer + keys
        guard known[path] == nil else { throw said(path) }
        if source.next == UInt8(ascii: "{") {
            known[path] = (.closed, line)
            try inlineTable(path, depth: depth)
        } else {
            known[path] = (.value, line)
            entries.append(.init(path: path, value: try source.value(), line: line))
        }
    }

    /// `{ key = value, ... }`, on one line.
    private mutating func inlineTable(_ path: [String], depth: Int) throws(TOMLDocument.Failure) {
        guard depth < TOMLSource.deepest else { throw source.failure("tables are nested too deep") }
        source.advance()
        source.skipBlanks()
        if source.take("}") { return }
        repeat {
            source.skipBlanks()
            try entry(in: path, depth: depth + 1)
            source.skipBlanks()
        } while source.take(",")
        guard source.take("}") else { throw source.failure("} is missing behind the table") }
    }

    /// Names with dots between them.
    private mutating func keys() throws(TOMLDocument.Failure) -> [String] {
        var keys: [String] = []
        repeat {
            source.skipBlanks()
            keys.append(try source.key())
            source.skipBlanks()
        } while source.take(".")
        return keys
    }

    private func said(_ path: [String]) -> TOMLDocument.Failure {
        let line = known[path].map { ", on line \($0.line)" } ?? ""
        return source.failure("\(path.joined(separator: ".")) is there already\(line)")
    }
}
