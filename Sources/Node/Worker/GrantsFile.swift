// Responsible for: which term a worker has granted, on disk: a worker that starts again must not follow a coordinator that was
// succeeded with its help. Must not know: when it grants one (Cluster/Succession).
import Cluster
import Foundation
import Generation
import Sequences
import Transport
import Wire

/// Beside the worker's key. Terms are those of one cluster: of coordinators that follow each other.
struct GrantsFile: Sendable {
    private struct Contents: Codable {
        var term: UInt16
        var holder: String?
        /// The keys of the cluster's coordinators.
        var coordinators: [String]
    }

    private let folder: StateFolder
    private let name: String

    init(_ folder: StateFolder, number: Int) {
        (self.folder, name) = (folder, number == 1 ? "worker.term" : "worker-\(number).term")
    }

    /// What was granted in the cluster of one of these coordinators, and whose keys it has. Throws where the file cannot be
    /// read: nobody knows then.
    func read(of coordinators: Set<PublicKey>) throws(TandemError) -> (grants: TermGrants, coordinators: Set<PublicKey>)
    {
        guard let text = try folder.secret(name) else { return (TermGrants(), coordinators) }
        guard let contents = try? JSONDecoder().decode(Contents.self, from: Data(text.utf8)) else {
            throw TandemError(
                "the file \(folder.path(of: name)) is damaged, so it is not known which coordinator may be followed",
                hint: "put a copy of it back; or delete it, where only one coordinator of the cluster runs")
        }
        let known = Set(contents.coordinators.compactMap { PublicKey(text: $0) })
        guard !known.isDisjoint(with: coordinators) else { return (TermGrants(), coordinators) }
        let holder = contents.holder.flatMap { PublicKey(text: $0) }.map { NodeKey($0) }
        return (TermGrants(term: Term(contents.term), holder: holder), known.union(coordinators))
    }

    /// Writes it down; it is on the disk from here on.
    func write(_ grants: TermGrants, coordinators: Set<PublicKey>) throws(TandemError) {
        let contents = Contents(
            term: grants.term.value, holder: grants.holder.map { PublicKey($0).description },
            coordinators: coordinators.map(\.description).sorted())
        guard let data = try? JSONEncoder().encode(contents) else { preconditionFailure("texts are JSON") }
        let opened = try folder.open()
        guard opened.write(Array(data) + [UInt8(ascii: "\n")], to: name), opened.sync() else {
            throw TandemError(
                "the file \(folder.path(of: name)) cannot be written: \(String(cString: strerror(errno)))",
                kind: .forbidden,
                hint: "look at the folder's owner and the disk's free space, or name another folder with \(.state)")
        }
    }
}
