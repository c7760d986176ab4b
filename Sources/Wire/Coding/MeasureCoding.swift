// Responsible for: the bytes of what is asked and said to measure links and clocks. Must not know: sockets, time.

extension Measure {
    var proto: PMeasure {
        var p = PMeasure()
        p.number = number
        p.link = link?.rawValue ?? 0
        p.bytes = UInt32(clamping: bytes)
        return p
    }

    init(_ p: PMeasure) throws(WireError) {
        let check = Check("Measure")
        self.init(
            number: p.number, link: p.link == 0 ? nil : try check.link(p.link),
            bytes: try check.count(p.bytes, "bytes", to: Limits.measuringBytes))
    }
}

extension Measured {
    var proto: PMeasured {
        var p = PMeasured()
        p.number = number
        p.clockMicroseconds = min(clockMicroseconds, Limits.clockMicroseconds)
        if let time = figures.roundTripMicroseconds { p.roundTripMicroseconds = min(time, Limits.microseconds) }
        p.bytesPerSecond = figures.clippedBytesPerSecond
        return p
    }

    init(_ p: PMeasured) throws(WireError) {
        let check = Check("Measured")
        self.init(
            number: p.number,
            clockMicroseconds: try check.number(p.clockMicroseconds, "clockMicroseconds", to: Limits.clockMicroseconds),
            figures: try check.figures(
                p.hasRoundTripMicroseconds ? p.roundTripMicroseconds : nil, bytesPerSecond: p.bytesPerSecond))
    }
}

extension Measurements {
    var proto: PMeasurements {
        var p = PMeasurements()
        p.clocks = clocks.prefix(Limits.workers).map { clock in
            var p = PWorkerClock()
            p.worker = clock.worker.value
            p.roundTripMicroseconds = min(clock.roundTripMicroseconds, Limits.microseconds)
            let most = Int64(Limits.clockMicroseconds)
            if let ahead = clock.aheadMicroseconds { p.aheadMicroseconds = min(max(ahead, -most), most) }
            return p
        }
        p.links = links.prefix(Limits.measuredLinks).map { link in
            var p = PLinkMeasurement()
            if let from = link.from { p.from = from.value }
            if let to = link.to { p.to = to.value }
            p.link = link.link.rawValue
            if let time = link.figures.roundTripMicroseconds {
                p.roundTripMicroseconds = min(time, Limits.microseconds)
            }
            p.bytesPerSecond = link.figures.clippedBytesPerSecond
            return p
        }
        p.wasBusy = wasBusy
        return p
    }

    init(_ p: PMeasurements) throws(WireError) {
        let check = Check("Measurements")
        self.init()
        for clock in try check.array(p.clocks, "clocks", atMost: Limits.workers) { clocks.append(try Clock(clock)) }
        for link in try check.array(p.links, "links", atMost: Limits.measuredLinks) { links.append(try Link(link)) }
        wasBusy = p.wasBusy
    }
}

extension Measurements.Clock {
    fileprivate init(_ p: PWorkerClock) throws(WireError) {
        let check = Check("WorkerClock")
        guard p.aheadMicroseconds.magnitude <= Limits.clockMicroseconds else {
            throw WireError("WorkerClock.aheadMicroseconds is \(p.aheadMicroseconds), which no clock is")
        }
        self.init(
            worker: WorkerID(p.worker),
            roundTripMicroseconds: try check.number(
                p.roundTripMicroseconds, "roundTripMicroseconds", to: Limits.microseconds),
            aheadMicroseconds: p.hasAheadMicroseconds ? p.aheadMicroseconds : nil)
    }
}

extension Measurements.Link {
    fileprivate init(_ p: PLinkMeasurement) throws(WireError) {
        let check = Check("LinkMeasurement")
        self.init(
            from: p.hasFrom ? WorkerID(p.from) : nil, to: p.hasTo ? WorkerID(p.to) : nil, link: try check.link(p.link),
            figures: try check.figures(
                p.hasRoundTripMicroseconds ? p.roundTripMicroseconds : nil, bytesPerSecond: p.bytesPerSecond))
    }
}

extension LinkFigures {
    /// As receivers allow it.
    fileprivate var clippedBytesPerSecond: Double {
        bytesPerSecond > 0 ? min(bytesPerSecond, Limits.linkBytesPerSecond.upperBound) : 0
    }
}

extension Check {
    fileprivate func link(_ number: UInt32) throws(WireError) -> NodeLink {
        guard let link = NodeLink(rawValue: number), link != .previous else {
            throw WireError("\(message).link is \(number), which is none that is measured")
        }
        return link
    }

    fileprivate func figures(_ roundTrip: UInt64?, bytesPerSecond: Double) throws(WireError) -> LinkFigures {
        if let roundTrip { _ = try number(roundTrip, "roundTripMicroseconds", to: Limits.microseconds) }
        return LinkFigures(
            roundTripMicroseconds: roundTrip,
            bytesPerSecond: try number(bytesPerSecond, "bytesPerSecond", in: Limits.linkBytesPerSecond))
    }
}
