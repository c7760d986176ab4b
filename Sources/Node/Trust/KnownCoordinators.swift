// Responsible for: the keys of coordinators that this node has joined, so that HOST:PORT suffices from then on.
// Must not know: sockets, tokens.
import Foundation
import Sequences
import Transport

/// `known-coordinators` in the state folder: a line "HOST:PORT KEY" each, the one that was joined last at the end.
package struct KnownCoordinators: Sendable {
    private let folder: StateFolder
    private static let name = "known-coordinators"

    package init(_ folder: StateFolder) { self.folder = folder }

    /// The key of the coordinator at this place; nil: it is not known.
    package func key(of place: String) throws(TandemError) -> PublicKey? {
        try lines().last { $0.place == place }?.key
    }

    /// Where the one is that was joined last; nil: none was.
    package func last() throws(TandemError) -> String? { try lines().last?.place }

    /// From now on this place has this key.
    package func remember(_ place: String, _ key: PublicKey) throws(TandemError) {
        try folder.locked(Self.name) { () throws(TandemError) in
            var lines = try self.lines()
            if let last = lines.last, last == (place, key) { return }
            lines.removeAll { $0.place == place }
            lines.append((place, key))
            try folder.write(lines.map { "\($0.place) \($0.key)\n" }.joined(), to: Self.name)
        }
    }

    // MARK: Standbys

    private static let standbys = "known-standbys"

    /// The places of those that were to take over from the coordinator at this place, and their keys; the last one first.
    func standbys(of place: String) throws(TandemError) -> [JoinAddress] {
        guard let text = try folder.secret(Self.standbys) else { return [] }
        return Self.parseStandbys(text).filter { $0.place == place }.map(\.standby).reversed()
    }

    /// Where that is from now on.
    func remember(_ standby: JoinAddress, of place: String) throws(TandemError) {
        guard let key = standby.key else { return }
        try folder.locked(Self.standbys) { () throws(TandemError) in
            var lines = try folder.secret(Self.standbys).map(Self.parseStandbys) ?? []
            if lines.last(where: { $0.place == place })?.standby == JoinAddress(standby.endpoint, key: key) { return }
            lines.removeAll { $0.place == place && $0.standby.endpoint == standby.endpoint }
            lines.append((place, JoinAddress(standby.endpoint, key: key)))
            let text = lines.suffix(Self.mostStandbys).map { line in
                "\(line.place) \(line.standby.place) \(line.standby.key.map { "\($0)" } ?? "")\n"
            }
            try folder.write(text.joined(), to: Self.standbys)
        }
    }

    private static let mostStandbys = 256

    /// Lines "HOST:PORT HOST:PORT KEY": whose, and where it is. Those that can be understood.
    static func parseStandbys(_ text: String) -> [(place: String, standby: JoinAddress)] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let key = PublicKey(text: words[2]),
                let endpoint = try? Endpoint(parsing: String(words[1]))
            else { return nil }
            return (String(words[0]), JoinAddress(endpoint, key: key))
        }
    }

    private func lines() throws(TandemError) -> [(place: String, key: PublicKey)] {
        try folder.secret(Self.name).map(Self.parse) ?? []
    }

    /// The lines of such a text that can be understood.
    static func parse(_ text: String) -> [(place: String, key: PublicKey)] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let key = PublicKey(text: words[1]) else { return nil }
            return (String(words[0]), key)
        }
    }
}
