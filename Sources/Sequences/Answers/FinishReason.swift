// Responsible for: why an answer ended. Must not know: who computed it.

/// Why an answer ended: with a token (or text) that ends it, with as many tokens as were allowed, or by whoever asked.
package enum FinishReason: String, Equatable, Sendable, CaseIterable { case stop, length, cancelled }
