// Responsible for: the time that machines decide by. Must not know: clocks.

/// A time on one process's own clock, counted from when its loop began. It never goes back; moments of two processes have
/// nothing to do with each other. What lies between two of them is a `Duration`, of which no number that a peer sends is
/// too large.
package struct Moment: Sendable, Hashable, Comparable {
    private let sinceStart: Duration

    /// `sinceStart`: the time that has passed since the process's loop began.
    package init(sinceStart: Duration) { self.sinceStart = sinceStart }

    /// When the process's loop began.
    package static let start = Moment(sinceStart: .zero)

    /// So many milliseconds after the start.
    package static func milliseconds(_ count: some BinaryInteger) -> Moment {
        Moment(sinceStart: .milliseconds(count))
    }

    /// Earlier.
    package static func < (a: Moment, b: Moment) -> Bool { a.sinceStart < b.sinceStart }
    /// So much later.
    package static func + (moment: Moment, duration: Duration) -> Moment {
        Moment(sinceStart: moment.sinceStart + duration)
    }
    /// What lies between; negative where `later` comes first.
    package static func - (later: Moment, earlier: Moment) -> Duration { later.sinceStart - earlier.sinceStart }
}

extension Duration {
    /// Whole milliseconds, rounded down, for people and for the wire; 0 where it is negative.
    package var wholeMilliseconds: UInt64 { UInt64(clamping: attoseconds / 1_000_000_000_000_000) }
    /// Whole microseconds, rounded down; 0 where it is negative.
    package var wholeMicroseconds: UInt64 { UInt64(clamping: attoseconds / 1_000_000_000_000) }
    /// Whole seconds, rounded down.
    var wholeSeconds: Int64 { components.seconds }
}
