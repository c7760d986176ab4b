// Responsible for: which requests have a meaning, tools and variables included. Must not know: models.
import Sequences
import Tokenization

extension GenerationRequest {
    /// Refuses values without a meaning, naming the field.
    package func validate() throws(TandemError) {
        try validateValues()
        do throws(ChatTemplateError) { try ChatTemplate.check(tools: tools, variables: templateVariables) } catch {
            throw TandemError(
                "\(error)", hint: "write \(.tools) as a list, and \(.templateVariables) as {\"enable_thinking\": false}"
            )
        }
    }
}
