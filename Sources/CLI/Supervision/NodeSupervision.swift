// Responsible for: joining a node with those who watch over its process: systemd, and probes that read a file.
// Must not know: how each of them is told.
import ArgumentParser
import Foundation
import Node

/// The flag of both long-running commands.
struct HealthFlag: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write this file every two seconds, for `tandem status --probe live --health-file FILE`.",
            valueName: "file"))
    var healthFile: String?

    /// Who wants to hear of this process.
    var supervision: NodeSupervision { NodeSupervision(SystemdService(), healthFile.map { HealthFile(path: $0) }) }
}

/// Those who watch over this process; perhaps nobody.
struct NodeSupervision: Sendable {
    private let systemd: SystemdService?
    private let file: HealthFile?

    init(_ systemd: SystemdService?, _ file: HealthFile?) { (self.systemd, self.file) = (systemd, file) }

    /// Whom the loop tells that it turns; nil: nobody wants to hear.
    var supervisor: Supervisor? {
        guard systemd != nil || file != nil else { return nil }
        // Three signs fit into the time after which a hung loop is ended.
        let interval = min(.seconds(2), (systemd?.patience ?? .seconds(6)) / 3)
        return Supervisor(every: interval) { [systemd, file] state in
            systemd?.tell(state.sentence)
            file?.write(state)
        }
    }

    /// The process was asked to end.
    func noteStopping() { systemd?.tellStopping() }
}
