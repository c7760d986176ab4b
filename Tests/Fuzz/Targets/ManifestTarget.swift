// Responsible for: what a coordinator says of its model. Must not know: sockets.
import ModelFile
import Node

/// The first byte says which layers the worker is to have.
enum ManifestTarget {
    static func run(_ bytes: [UInt8]) {
        let first = bytes.byte(0) % 16
        let layers = first..<first + bytes.byte(0) / 16 + 1
        guard let manifest = try? ModelManifest(decoding: Array(bytes.dropFirst()), layers: layers) else { return }
        let said = manifest.restricted(to: layers).encoded()
        do { _ = try ModelManifest(decoding: said, layers: layers) } catch {
            preconditionFailure("what was read cannot be said: \(error)")
        }
    }

    /// An input to begin with: the first layer of a model. Empty where there is no model.
    static func manifest(ofModel path: String) -> [UInt8] {
        guard let model = try? Model.open(path: path),
            let manifest = try? DigestBook(folder: "/dev/null").manifest(of: model, progress: { _, _ in })
        else { return [] }
        return [0] + manifest.restricted(to: 0..<1).encoded()
    }
}
