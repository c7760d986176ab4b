// Responsible for: the flags of commands that log, and the logger that they make. Must not know: how lines look.
import ArgumentParser
import Foundation
import Logging

/// The least that is worth a line.
enum LogThreshold: String, ExpressibleByArgument, CaseIterable {
    case debug, info, warning, error
}

/// How much a node says, and in which form.
struct LogFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The form of logs (default: short on a terminal, journal where systemd reads it, else text).",
            valueName: "form"))
    var logFormat: LogFormat?
    @Option(help: ArgumentHelp("Log nothing below this (default: $TANDEM_LOG, else info).", valueName: "level"))
    var logLevel: LogThreshold?

    /// The same flags for `tandem coordinator` and `tandem worker`.
    var arguments: [String] {
        (logFormat.map { ["--log-format", $0.rawValue] } ?? []) + (logLevel.map { ["--log-level", $0.rawValue] } ?? [])
    }

    /// The log of a node.
    func logger(_ role: String) -> Logger {
        let variable = ProcessInfo.processInfo.environment["TANDEM_LOG"]
        let level = (logLevel?.rawValue ?? variable).flatMap { Logger.Level(rawValue: $0) } ?? .info
        let format = logFormat ?? .fitting()
        return Logger(label: role) { NodeLogHandler(role: $0, level: level, format: format) }
    }
}
