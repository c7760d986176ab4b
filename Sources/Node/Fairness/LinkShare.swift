// Responsible for: how much of a link's time goes to what is not urgent. Must not know: what that is.
import Cluster

/// A third of a link: what took a time to come is followed by a pause of twice that time.
struct LinkShare {
    private static let pauses = 2
    private var askedAt: Moment?
    /// When more may be asked for.
    private(set) var nextAt = Moment.start

    /// Something is asked for.
    mutating func noteAsked(_ now: Moment) { askedAt = now }

    /// It is here.
    mutating func noteArrived(_ now: Moment) {
        guard let asked = askedAt else { return }
        askedAt = nil
        nextAt = now + (now - asked) * Self.pauses
    }

    /// Nothing is on its way any more.
    mutating func reset() { self = LinkShare() }
}
