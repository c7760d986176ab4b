// Responsible for: taking turns: what several owners want done, one thing of each after the other. Must not know: what it
// is, who they are.

/// A queue in which nobody waits behind all that somebody else has put in: owners with something in it come one after
/// the other, and each has room for so much.
struct FairQueue<Owner: Hashable & Sendable, Element: Sendable>: Sendable {
    private let limit: Int
    private var waiting: [Owner: [Element]] = [:]
    /// Owners of what waits, whose turn is next first.
    private var turns: [Owner] = []

    /// At most `limit` elements of each owner.
    init(limit: Int) { self.limit = limit }

    /// Whether nothing waits.
    var isEmpty: Bool { turns.isEmpty }

    /// Puts one in. False: its owner has as many in it as it may.
    mutating func add(_ element: Element, of owner: Owner) -> Bool {
        guard waiting[owner]?.count ?? 0 < limit else { return false }
        if waiting[owner] == nil { turns.append(owner) }
        waiting[owner, default: []].append(element)
        return true
    }

    /// Takes the first of whoever's turn it is.
    mutating func next() -> (owner: Owner, element: Element)? {
        guard let owner = turns.first, let element = waiting[owner]?.removeFirst() else { return nil }
        turns.removeFirst()
        if waiting[owner]?.isEmpty == true {
            waiting[owner] = nil
        } else {
            turns.append(owner)
        }
        return (owner, element)
    }
}
