// Responsible for: `tandem plan`: flags in; the plan that a coordinator would make, and what it would give, out. Must not know:
// how plans are chosen.
import ArgumentParser
import Node
import Sequences

struct PlanCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show how layers would be spread over workers, how fast that would be, and what would move.",
        discussion: """
            For the workers that are there, without some, or with others that are imagined. Nothing
            changes unless --apply asks for it, on the coordinator's host. Examples:
              tandem plan
              tandem plan --without host-b
              tandem plan --workers 6 --memory 8GiB
              tandem plan --without host-b --apply

            Figures are predicted by what workers measured at joining and what their steps have shown since.
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @Option(
        help: ArgumentHelp(
            "As if there were so many: further ones are like those that are there, fewer are the first to join.",
            valueName: "n"))
    var workers: Int?
    @Option(
        help: "Memory of each worker that is only imagined, as 4GiB or 512MiB (default: like the others).",
        transform: ValueReader.memory)
    var memory: Int?
    @Option(
        help: ArgumentHelp("Leave out this worker: its host, its id or host/pid, as `tandem status` shows them."))
    var without: [String] = []
    @Flag(help: "Have the plan carried out as soon as it can be.") var apply = false
    @Flag(help: "Print one JSON object.") var json = false

    private var question: PlanQuestion {
        var question = PlanQuestion()
        (question.workers, question.memoryBytes) = (workers, memory)
        (question.without, question.isApplied) = (without, apply)
        return question
    }

    func checkSettings() throws(TandemError) { try question.validate() }

    func run() async throws {
        try checkSettings()
        let plan = try await coordinator.client().plan(question)
        Terminal.put(json ? try JSONOutput.document(plan) : plan.text)
    }
}
