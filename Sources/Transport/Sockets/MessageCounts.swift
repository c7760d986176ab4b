// Responsible for: how many messages each sender has sent lately, and whether that is more than it may. Must not know: what
// they say, what becomes of whoever sends too many.

/// Messages are counted for each key, over however many connections they come; where links are open, for each connection.
struct MessageCounts {
    /// Whose messages are counted together.
    enum Speaker: Hashable {
        case key(PublicKey)
        case connection(Peer)
    }

    private struct Count {
        var messages = 0
        let since: ContinuousClock.Instant
    }

    /// In so long a time each may send so many.
    static let window = Duration.seconds(10)
    let most: Int
    private var counts: [Speaker: Count] = [:]
    /// With more, those whose time is over are forgotten.
    private static let mostSpeakers = 4096

    init(most: Int) { self.most = most }

    /// Counts a message; false: it is one too many, as are all others until the time is over.
    mutating func takes(of speaker: Speaker, now: ContinuousClock.Instant = .now) -> Bool {
        guard most < .max else { return true }
        if counts.count >= Self.mostSpeakers { counts = counts.filter { now - $0.value.since < Self.window } }
        var count = counts[speaker] ?? Count(since: now)
        if now - count.since >= Self.window { count = Count(since: now) }
        guard count.messages < most else { return false }
        count.messages += 1
        counts[speaker] = count
        return true
    }
}
