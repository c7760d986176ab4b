// Responsible for: the things that go wrong in a simulated world. Must not know: when they do (World+FaultPlan), what they
// do to nodes (World+Faults).

import Wire

/// How a coordinator's process ends.
struct CoordinatorLoss {
    /// Its host does, and nobody's connections are closed.
    let isSilent: Bool
    /// The next process begins so long after; nil: not by itself.
    let pause: UInt64?

    init(isSilent: Bool, pause: UInt64?) { (self.isSilent, self.pause) = (isSilent, pause) }

    init(_ random: inout SeededRandom) {
        isSilent = random.chance(30)
        // Often at once, as by a supervisor.
        let length = random.chance(60) ? random.milliseconds(2...60) : random.milliseconds(20...2_500)
        pause = random.chance(isSilent ? 60 : 90) ? length : nil
    }
}

/// One thing that goes wrong, or right again.
enum Fault {
    case start(Int)
    case kill(Int)
    case freeze(Int)
    case thaw(Int)
    /// The control connection breaks and comes back.
    case breakControl(Int)
    /// The control connection is dead, and neither side is told.
    case deafen(Int)
    /// What is under way between two places is lost.
    case breakLink(Place, Place, Link)
    case breakWeights(Int)
    /// No fault: somebody wants to know what the links carry.
    case measure
    case breakClient(Int)
    case partition(Place, Place)
    /// Nothing gets from the first to the second any more.
    case oneWayPartition(Place, Place)
    case heal(Place, Place)
    case slow(Int, UInt64)
    case leave(Int)
    /// It is told to end once others have its layers, and ends in any case after a while.
    case leaveDrained(Int)
    /// Somebody asks to leave it out, or to count it in again.
    case drain(Int, ends: Bool)
    /// The time is over in which this process might leave without haste.
    case endDrain(Int, WorkerID)
    /// Answers heartbeats, and computes one step for ever.
    case hang(Int)
    case killCoordinator(CoordinatorLoss)
    /// The coordinator is killed as soon as it has sent a step.
    case doomCoordinator(CoordinatorLoss)
    /// Connections of this kind are not let through any more.
    case close(Place, Place, Link)
    /// A host loses all large packets.
    case loseLarge(Int)
    case startCoordinator
    /// The coordinator and all workers are killed and started again.
    case restartEverything
    case freezeCoordinator
    case thawCoordinator
}
