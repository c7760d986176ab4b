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
