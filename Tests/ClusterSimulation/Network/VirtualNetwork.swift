// Responsible for: the state of all connections: order on each, loss, partitions. Must not know: what is in a letter.

/// The state of all connections.
struct VirtualNetwork {
    private static let links = Link.allCases.count
    private var connections = Array(repeating: 0, count: Place.count * Place.count * links)
    private var lastArrival = Array(repeating: UInt64(0), count: Place.count * Place.count * links)
    private var isBlocked = Array(repeating: false, count: Place.count * Place.count)
    /// Nothing arrives on these any more, and nobody is told: a router between has forgotten them.
    private var isDead = Array(repeating: false, count: Place.count * Place.count * links)
    /// No connection of this kind is let through.
    private var isClosed = Array(repeating: false, count: Place.count * Place.count * links)
    private var losesLarge = Array(repeating: false, count: Place.count * Place.count)
    /// The connection that takes nothing more, as something large is lost on it over and over; -1: none.
    private var stuck = Array(repeating: -1, count: Place.count * Place.count * links)
    /// Sent, and neither arrived nor lost, heartbeats apart.
    var lettersUnderWay = 0

    private func index(_ from: Place, _ to: Place) -> Int { from.number * Place.count + to.number }

    private func index(_ from: Place, _ to: Place, _ link: Link) -> Int {
        index(from, to) * Self.links + link.rawValue
    }

    func connection(_ from: Place, _ to: Place, _ link: Link) -> Int { connections[index(from, to, link)] }

    /// Everything under way in this direction of a connection is lost.
    mutating func cut(_ from: Place, _ to: Place, _ link: Link) { connections[index(from, to, link)] += 1 }

    /// Everything under way between two places is lost.
    mutating func cutAll(_ a: Place, _ b: Place) {
        for link in Link.allCases {
            cut(a, b, link)
            cut(b, a, link)
        }
    }

    /// A connection dies without a sign, in both directions, until it is made anew.
    mutating func die(_ a: Place, _ b: Place, _ link: Link) { set(a, b, link, isDead: true) }

    mutating func renew(_ a: Place, _ b: Place, _ link: Link) { set(a, b, link, isDead: false) }

    func isDead(_ from: Place, _ to: Place, _ link: Link) -> Bool { isDead[index(from, to, link)] }

    private mutating func set(_ a: Place, _ b: Place, _ link: Link, isDead dead: Bool) {
        isDead[index(a, b, link)] = dead
        isDead[index(b, a, link)] = dead
    }

    /// From now on nothing gets from one place to the other, or everything does again.
    mutating func block(_ from: Place, _ to: Place, _ blocked: Bool) { isBlocked[index(from, to)] = blocked }

    func isBlocked(_ from: Place, _ to: Place) -> Bool { isBlocked[index(from, to)] }

    /// Whether no connection can be made between two places: that needs both directions.
    func areParted(_ a: Place, _ b: Place) -> Bool { isBlocked(a, b) || isBlocked(b, a) }

    // MARK: Networks that carry only some of it

    mutating func close(_ a: Place, _ b: Place, _ link: Link, _ closed: Bool) {
        isClosed[index(a, b, link)] = closed
        isClosed[index(b, a, link)] = closed
    }

    func isClosed(_ a: Place, _ b: Place, _ link: Link) -> Bool { isClosed[index(a, b, link)] }

    mutating func loseLarge(_ a: Place, _ b: Place, _ loses: Bool) {
        losesLarge[index(a, b)] = loses
        losesLarge[index(b, a)] = loses
    }

    func losesLarge(_ a: Place, _ b: Place) -> Bool { losesLarge[index(a, b)] }

    mutating func openAll() {
        for index in isClosed.indices { (isClosed[index], stuck[index]) = (false, -1) }
        for index in losesLarge.indices { losesLarge[index] = false }
    }

    /// Something large is sent where large packets are lost: the connection waits for it for ever.
    mutating func getStuck(_ from: Place, _ to: Place, _ link: Link) {
        if losesLarge(from, to) { stuck[index(from, to, link)] = connection(from, to, link) }
    }

    /// When a letter sent now arrives: never before one sent earlier on the same connection.
    mutating func arrival(_ from: Place, _ to: Place, _ link: Link, at time: UInt64) -> UInt64 {
        let index = index(from, to, link)
        lastArrival[index] = max(lastArrival[index], time)
        return lastArrival[index]
    }

    func arrives(_ letter: Letter) -> Bool {
        let index = index(letter.from, letter.to, letter.link)
        return !isBlocked(letter.from, letter.to) && !isDead[index] && !isClosed[index]
            && stuck[index] != letter.connection && connections[index] == letter.connection
    }
}
