// Responsible for: this node's own key in its state folder: made at the first start, the same ever after.
// Must not know: who admits it.
import Foundation
import Generation
import Sequences
import Transport

/// A key of this node, held for as long as the process lives.
package struct KeyFile: Sendable {
    package let pair: KeyPair
    /// Which of several nodes of this kind on this host and state folder; the first is 1.
    package let number: Int
    private let lock: Lock?

    /// Keeps the lock of a worker's key while anybody holds it.
    private final class Lock: Sendable {
        let descriptor: Int32
        init(_ descriptor: Int32) { self.descriptor = descriptor }
        deinit { close(descriptor) }
    }

    private init(_ pair: KeyPair, number: Int = 1, lock: Lock? = nil) {
        (self.pair, self.number, self.lock) = (pair, number, lock)
    }

    /// Processes of one kind that share a state folder.
    private static let mostNumbers = 256

    /// The key that all processes of this kind share: "coordinator", "client".
    package static func shared(_ kind: String, in folder: StateFolder) throws(TandemError) -> KeyFile {
        KeyFile(try pair(kind + ".key", in: folder))
    }

    /// A key that no other living process has: "worker.key", else "worker-2.key" and so on.
    package static func own(_ kind: String, in folder: StateFolder) throws(TandemError) -> KeyFile {
        let opened = try folder.open()
        for number in 1...mostNumbers {
            let name = number == 1 ? kind : "\(kind)-\(number)"
            guard let descriptor = opened.openForWriting(name + ".lock") else {
                throw TandemError(
                    "the file \(folder.path(of: name + ".lock")) cannot be made: \(String(cString: strerror(errno)))",
                    kind: .forbidden,
                    hint: "look at the folder's owner and mode, or name another with \(.state)")
            }
            let lock = Lock(descriptor)
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
            return KeyFile(try pair(name + ".key", in: folder), number: number, lock: lock)
        }
        throw TandemError(
            "\(mostNumbers) nodes of this kind run with the state folder \(folder.path)",
            hint: "name another with \(.state)")
    }

    private static func pair(_ name: String, in folder: StateFolder) throws(TandemError) -> KeyPair {
        try folder.locked("keys") { () throws(TandemError) in
            if let text = try folder.secret(name) {
                guard let pair = parse(text) else {
                    throw TandemError(
                        "the file \(folder.path(of: name)) holds no key",
                        hint: "delete it: a new one is made, which must join again")
                }
                return pair
            }
            let pair = KeyPair.random()
            try folder.write(KeyText.encode(pair.secret) + "\n", to: name)
            return pair
        }
    }

    /// The key in a file's text: the secret half in base64url, alone on its line; nil: it holds none.
    package static func parse(_ text: String) -> KeyPair? {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        let words = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard words.count == 1, let secret = KeyText.decode(words[0]) else { return nil }
        return KeyPair(secret: secret)
    }
}
