// Responsible for: what a machine wants told. Must not know: where logs go.

/// How much a log line matters.
package enum LogLevel: Sendable, Equatable { case debug, info, warning, error }
