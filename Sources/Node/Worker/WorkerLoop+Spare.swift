// Responsible for: how much of its processors a worker could have that has no layers, measured from time to time. Must not
// know: what comes of it.
import Cluster
import Transport
import Wire

/// When a worker without layers measures again.
struct SpareTime {
    /// nil: it has layers, or is measuring.
    var nextMeasurement: Moment?
    var isMeasuring = false

    /// Of a core it takes a hundredth.
    static let interval = Duration.seconds(20)
    static let firstAfter = Duration.seconds(5)
}

extension WorkerLoop {
    func measureSpareTime() {
        guard machine.isMember, machine.assignment == nil else {
            spareTime.nextMeasurement = nil
            machine.gauges.processorShare = 0
            return
        }
        guard !spareTime.isMeasuring else { return }
        let due = spareTime.nextMeasurement ?? now + SpareTime.firstAfter
        spareTime.nextMeasurement = due
        guard due <= now else { return }
        (spareTime.nextMeasurement, spareTime.isMeasuring) = (nil, true)
        let threads = parts.simulatedSpeed == nil ? parts.threads : 1
        let thread = try? LoopThread(name: "spare") { [stageEvents] in
            stageEvents.tell(.spare(ProcessorShare.measured(threads: threads)))
        }
        if thread == nil { note(processorShare: 0) }
    }

    /// It goes out with the next heartbeat.
    func note(processorShare share: Double) {
        spareTime = SpareTime(nextMeasurement: now + SpareTime.interval)
        if machine.assignment == nil { machine.gauges.processorShare = share }
    }
}
