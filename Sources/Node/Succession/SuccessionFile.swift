// Responsible for: what a coordinator must not forget of its term and of who may take over from whom, on disk. Must not know:
// when that changes (Cluster/Succession), sockets.
import Cluster
import Foundation
import Generation
import Sequences
import Transport
import Wire

/// `succession/PORT.json` in the state folder. A coordinator that starts again without it would not know that another one may
/// have taken its place.
struct SuccessionRecord: Codable, Equatable, Sendable {
    /// Where another coordinator is.
    struct Place: Codable, Equatable, Sendable {
        var endpoint: String
        var key: String

        init?(_ place: CoordinatorPlace) {
            guard let key = place.key else { return nil }
            (endpoint, self.key) = (place.endpoint, PublicKey(key).description)
        }

        var place: CoordinatorPlace {
            CoordinatorPlace(endpoint: endpoint, key: PublicKey(text: key).map { NodeKey($0) })
        }
    }

    /// Of the coordinator that serves, as far as it is known.
    var term: UInt16 = 0
    /// Who follows this coordinator, or did; nil: nobody may take over from it.
    var standby: Place?
    /// Whom this one follows, or did, and has not taken over from; nil: nobody.
    var active: Place?
    /// The highest term that it has asked for.
    var asked: UInt16?
    /// The workers that have a say, as texts of keys; `proposed`: those that the standby was told of, and may not know.
    var electors: [String] = []
    var proposed: [String]?
    /// Public keys of those who own the other coordinators.
    var owners: [String] = []

    static func keys(_ texts: [String]) -> [NodeKey] { texts.compactMap { PublicKey(text: $0).map { NodeKey($0) } } }
    static func texts(_ keys: [NodeKey]) -> [String] { keys.map { PublicKey($0).description } }

    /// Whether it may serve, as a coordinator that begins knows it.
    var authority: Authority {
        guard standby != nil else { return Authority(term: Term(term)) }
        return Authority(term: Term(term), settled: Self.keys(electors), proposed: proposed.map(Self.keys))
    }

    /// As one that follows another knows it.
    var candidacy: Candidacy {
        Candidacy(term: Term(term), asked: asked.map { Term($0) }, electors: Self.keys(electors))
    }
}

/// The file with it.
struct SuccessionFile: Sendable {
    private let folder: StateFolder
    private let name: String

    /// Of the coordinator of a state folder that listens on `port`.
    init(_ state: StateFolder, port: UInt16) { (folder, name) = (state.folder("succession"), "\(port).json") }

    var path: String { folder.path(of: name) }

    /// What it says; nil: there is none. Throws where it is damaged: nobody knows then who may serve.
    func read() throws(TandemError) -> SuccessionRecord? {
        guard let text = try folder.secret(name) else { return nil }
        guard let record = try? JSONDecoder().decode(SuccessionRecord.self, from: Data(text.utf8)) else {
            throw TandemError(
                "the file \(path) is damaged, so it is not known whether another coordinator has taken over",
                hint: "put a copy of it back; or delete it, where no other coordinator of this cluster runs")
        }
        return record
    }

    /// Writes it down; it is on the disk from here on.
    func write(_ record: SuccessionRecord) throws(TandemError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(record) else { preconditionFailure("a record of texts is JSON") }
        let opened = try folder.open()
        guard opened.write(Array(data) + [UInt8(ascii: "\n")], to: name), opened.sync() else {
            throw TandemError(
                "the file \(path) cannot be written: \(String(cString: strerror(errno)))", kind: .forbidden,
                hint: "look at the folder's owner and the disk's free space, or name another folder with \(.state)")
        }
    }
}
