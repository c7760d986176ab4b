// Responsible for: measuring what links carry, and what the clocks of nodes say, when somebody asks for it. Must not know:
// sockets, time, who judges the figures.

/// Client -> coordinator: measure what the links carry. Answered by `ClientReply.measurements`.
package struct MeasureQuery: Equatable, Sendable {
    package var version: UInt32 = protocolVersion
    package var build = ""
    package init() {}
}

/// Coordinator -> worker, control link: measure one of your links, or only tell the time. Answered by `Measured`.
package struct Measure: Equatable, Sendable {
    /// Names the question.
    package var number: UInt64
    /// One that the worker connects: not `.previous`. nil: none.
    package var link: NodeLink?
    /// Bytes that may travel for it, 0 ... `Limits.measuringBytes`; 0: no more than the round trip is wanted.
    package var bytes: Int
    package init(number: UInt64, link: NodeLink?, bytes: Int) {
        self.number = number
        self.link = link
        self.bytes = bytes
    }
}

/// What a link carries, as its upstream end measured it.
package struct LinkFigures: Equatable, Sendable {
    /// The shortest of some round trips; nil: nothing was answered.
    package var roundTripMicroseconds: UInt64?
    /// 0: not measured.
    package var bytesPerSecond: Double
    package init(roundTripMicroseconds: UInt64? = nil, bytesPerSecond: Double = 0) {
        self.roundTripMicroseconds = roundTripMicroseconds
        self.bytesPerSecond = bytesPerSecond
    }
}

/// Worker -> coordinator, control link: the answer to one `Measure`.
package struct Measured: Equatable, Sendable {
    /// Of the question.
    package var number: UInt64
    /// The worker's time of day when it was said, in microseconds; 0: not known. Its shell fills it in.
    package var clockMicroseconds: UInt64
    /// None where it was asked for the time only.
    package var figures: LinkFigures
    /// The coordinator's time of day when it came. Not sent: its shell fills it in.
    package var receivedMicroseconds: UInt64 = 0
    package init(number: UInt64, clockMicroseconds: UInt64 = 0, figures: LinkFigures = LinkFigures()) {
        self.number = number
        self.clockMicroseconds = clockMicroseconds
        self.figures = figures
    }
}

/// Coordinator -> client: what its links carry, and what its workers' clocks say.
package struct Measurements: Equatable, Sendable {
    /// A worker that answered, in the order of joining.
    package struct Clock: Equatable, Sendable {
        package var worker: WorkerID
        /// Over the control link.
        package var roundTripMicroseconds: UInt64
        /// Of the coordinator's clock, half the round trip taken into account; nil: not known.
        package var aheadMicroseconds: Int64?
        package init(worker: WorkerID, roundTripMicroseconds: UInt64, aheadMicroseconds: Int64?) {
            self.worker = worker
            self.roundTripMicroseconds = roundTripMicroseconds
            self.aheadMicroseconds = aheadMicroseconds
        }
    }

    /// A link, from its upstream end to the other; nil: the coordinator.
    package struct Link: Equatable, Sendable {
        package var from: WorkerID?
        package var to: WorkerID?
        package var link: NodeLink
        package var figures: LinkFigures
        package init(from: WorkerID?, to: WorkerID?, link: NodeLink, figures: LinkFigures) {
            self.from = from
            self.to = to
            self.link = link
            self.figures = figures
        }
    }

    package var clocks: [Clock] = []
    /// Those of the plan that serves in the order of its steps, then each worker's to the weights.
    package var links: [Link] = []
    /// Requests were computed meanwhile, so that no rates were measured.
    package var wasBusy = false
    package init() {}
}
