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

    /// The log of a node. Throws where the environment names no level.
    func logger(_ role: String) throws -> Logger {
        let level = try Self.level(logLevel?.rawValue, ProcessInfo.processInfo.environment["TANDEM_LOG"])
        let format = logFormat ?? .fitting()
        return Logger(label: role) { NodeLogHandler(role: $0, level: level, format: format) }
    }

    /// The level of a flag, else of the variable, else the standard one. A variable that is empty is not set.
    static func level(_ flag: String?, _ variable: String?) throws(SettingsFailure) -> Logger.Level {
        guard let name = flag ?? variable, !name.isEmpty else { return .info }
        if let level = Logger.Level(rawValue: name.lowercased()) { return level }
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        throw SettingsFailure("TANDEM_LOG is \"\(name)\", but takes a level: one of \(levels)")
    }
}
