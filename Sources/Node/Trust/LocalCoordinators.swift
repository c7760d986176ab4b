// Responsible for: how nodes of the same user (or root) find a coordinator on this machine and are admitted without a word.
// Must not know: sockets, who is a member.
import Foundation
import Generation
import Sequences
import Transport

/// What a running coordinator leaves in its state folder, in `running/PORT.json`: whoever can read the file owns it.
package struct LocalCoordinator: Codable, Sendable {
    /// HOST:PORT as other nodes reach it.
    package let address: String
    /// The text of its public key.
    package let key: String
    /// The text of a token that is good while it runs.
    package let token: String
    package let processID: Int32

    private static func name(_ port: UInt16) -> String { "\(port).json" }

    /// Leaves it for the coordinator that listens on `port`.
    static func write(_ coordinator: LocalCoordinator, port: UInt16, in folder: StateFolder) throws(TandemError) {
        guard let data = try? JSONEncoder().encode(coordinator) else { preconditionFailure("three texts are JSON") }
        try folder.folder("running").write(String(decoding: data, as: UTF8.self) + "\n", to: name(port))
    }

    /// Takes it away when the coordinator ends, unless another one has put its own there.
    static func remove(port: UInt16, in folder: StateFolder) {
        guard let found = try? read(port, in: folder), found.processID == getpid() else { return }
        _ = try? folder.folder("running").existing()?.remove(name(port))
    }

    /// The coordinator of this machine that listens on `port`, of this folder or else of the system's.
    package static func find(_ port: UInt16, in folder: StateFolder) throws(TandemError) -> LocalCoordinator? {
        if let found = try read(port, in: folder) { return found }
        guard folder != .ofSystem else { return nil }
        return try? read(port, in: .ofSystem)
    }

    /// Those of this folder whose processes live.
    package static func all(in folder: StateFolder) -> [LocalCoordinator] {
        let names = (try? folder.folder("running").existing())?.names ?? []
        return names.compactMap { $0.hasSuffix(".json") ? UInt16($0.dropLast(5)) : nil }.sorted().compactMap {
            guard let found = try? read($0, in: folder), kill(found.processID, 0) == 0 || errno == EPERM else {
                return nil
            }
            return found
        }
    }

    private static func read(_ port: UInt16, in folder: StateFolder) throws(TandemError) -> LocalCoordinator? {
        guard let text = try folder.folder("running").secret(name(port)) else { return nil }
        return parse(text)
    }

    /// nil: it is none that a coordinator has written.
    static func parse(_ text: String) -> LocalCoordinator? {
        try? JSONDecoder().decode(LocalCoordinator.self, from: Data(text.utf8))
    }
}
