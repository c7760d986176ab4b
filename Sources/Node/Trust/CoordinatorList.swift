// Responsible for: the coordinators of one cluster, as a node knows them, and which is to be tried next. Must not know: which of
// them serves, sockets.
import Sequences
import Transport
import Wire

/// The ways to a coordinator and to those that may take its place.
struct CoordinatorList: Sendable {
    private(set) var passages: [Passage]
    private var index = 0

    /// As they were given, and what is known here of their standbys. Throws where the state folder or the key cannot be used.
    init(
        _ addresses: [JoinAddress], role: NodeRole, folder: StateFolder, isInsecure: Bool
    ) throws(TandemError) {
        let first = try Passage(addresses[0], role: role, folder: folder, isInsecure: isInsecure)
        passages = [first]
        for address in addresses.dropFirst() { passages.append(first.leading(to: address, isStandby: true)) }
        if isInsecure { return }
        for address in addresses {
            for standby in try KnownCoordinators(folder).standbys(of: address.place) { add(standby) }
        }
    }

    /// The one to try now.
    var passage: Passage { passages[index] }

    var count: Int { passages.count }

    /// The next one is to be tried.
    mutating func advance() { index = (index + 1) % passages.count }

    /// This one is to be tried.
    mutating func turn(to place: CoordinatorPlace) {
        guard let endpoint = try? Endpoint(parsing: place.endpoint) else { return }
        add(JoinAddress(endpoint, key: place.key.map { PublicKey($0) }))
        index = passages.firstIndex { $0.address.endpoint == endpoint } ?? index
    }

    /// A coordinator says where its standby is: known from now on, here and on the disk.
    mutating func note(standby place: CoordinatorPlace) {
        guard let endpoint = try? Endpoint(parsing: place.endpoint), let key = place.key, passage.key != nil else {
            return
        }
        let standby = JoinAddress(endpoint, key: PublicKey(key))
        add(standby)
        try? KnownCoordinators(passage.folder).remember(standby, of: passage.address.place)
    }

    /// So many at most.
    private static let most = 32

    private mutating func add(_ address: JoinAddress) {
        if let known = passages.firstIndex(where: { $0.address.endpoint == address.endpoint }) {
            // Where it has another key than it had, it was set up anew.
            guard let key = address.key, passages[known].address.key != key, known > 0 else { return }
            passages[known] = passages[0].leading(to: address, isStandby: true)
        } else if passages.count < Self.most {
            passages.append(passages[0].leading(to: address, isStandby: true))
        }
    }
}
