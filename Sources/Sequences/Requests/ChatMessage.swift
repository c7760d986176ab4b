// Responsible for: what is said in a conversation. Must not know: how any model writes it.

/// One message of a conversation.
package struct ChatMessage: Sendable, Equatable {
    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable { case system, user, assistant, tool }

    package var role: Role
    package var content: String
    /// What the model thought before it answered.
    package var reasoning: String?

    /// A message of `role`.
    package init(role: Role, content: String, reasoning: String? = nil) {
        self.role = role
        self.content = content
        self.reasoning = reasoning
    }
}
