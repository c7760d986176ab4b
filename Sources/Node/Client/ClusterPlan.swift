// Responsible for: a preview of a plan as people and scripts ask for it and read it; the property names are keys of
// `tandem plan --json` (in snake case). Must not know: how it is shown, how plans are chosen.
import Sequences
import Wire

/// For whom a plan is wanted.
package struct PlanQuestion: Sendable {
    /// Workers that are left out, by host, id or host/pid.
    package var without: [String] = []
    /// As many as if there were; nil: those that are there.
    package var workers: Int?
    /// That each imagined one offers; nil: as much as the others.
    package var memoryBytes: Int?
    /// The plan is to be carried out.
    package var isApplied = false

    /// For those that are there.
    package init() {}

    /// Throws what of it no cluster could answer.
    package func validate() throws(TandemError) {
        if let workers { _ = try TandemError.checked(workers, .workers, in: 1...Limits.workers) }
        guard without.count <= Limits.workers else {
            throw TandemError(
                "\(.without) is given \(without.count) times; a cluster has \(Limits.workers) workers at most")
        }
    }

    var query: PlanQuery {
        var query = PlanQuery()
        query.build = Build.version
        (query.without, query.workerCount, query.isApplied) = (without, workers, isApplied)
        query.memoryBytes = UInt64(clamping: memoryBytes ?? 0)
        return query
    }
}

/// A plan, what it would give, and what would move for it.
package struct ClusterPlan: Sendable, Encodable, Equatable {
    /// One stage, in order.
    package struct Stage: Sendable, Encodable, Equatable {
        /// The id of its worker; nil: it is imagined.
        package var worker: String?
        /// "host/pid", or "imagined".
        package var name: String
        package var layers: ClusterStatus.Layers
        package var memoryBytes: Int
        package var plannedBytes: Int
        package var weightBytes: Int
        package var kvBytes: Int
        /// Weights that its worker does not hold now; it may have them cached.
        package var fetchedBytes: Int
        /// Of a step of one answer, and of a piece of a prompt.
        package var decodingMicroseconds: Double
        package var promptMicroseconds: Double
    }

    /// What a plan is thought to give.
    package struct Figures: Sendable, Encodable, Equatable {
        package var oneAnswerTokensPerSecond: Double
        package var manyAnswersTokensPerSecond: Double
        /// So many they are.
        package var answers: Int
        package var promptTokensPerSecond: Double
        /// Of a prompt in one step.
        package var promptStepTokens: Int
        /// The stages that decide, from 0.
        package var decodingBottleneck: Int
        package var promptBottleneck: Int
    }

    /// What goes from where it is to where the plan wants it.
    package struct Move: Sendable, Encodable, Equatable {
        package var weightBytes: Int
        package var weightSeconds: Double
        /// KV blocks in use, and the bytes of them in layers that change hands.
        package var kvBlocks: Int
        package var kvBytes: Int
        package var kvSeconds: Double
    }

    package var stages: [Stage]
    /// Workers that would have no layers.
    package var idle: [String]
    package var kvBlocks: Int
    package var figures: Figures
    /// Of the plan that serves now; nil: none does.
    package var serving: Figures?
    package var move: Move
    /// It is the plan that serves.
    package var isServing: Bool
    /// It is carried out as soon as it can be.
    package var isApplied: Bool

    init(_ preview: PlanPreview) {
        stages = preview.stages.map(Stage.init)
        idle = preview.idle
        kvBlocks = preview.blockCount
        figures = Figures(preview.figures)
        serving = preview.serving.map(Figures.init)
        move = Move(
            weightBytes: Int(clamping: preview.move.weightBytes), weightSeconds: preview.move.weightSeconds,
            kvBlocks: preview.move.blocks, kvBytes: Int(clamping: preview.move.keyValueBytes),
            kvSeconds: preview.move.keyValueSeconds)
        (isServing, isApplied) = (preview.isServing, preview.isApplied)
    }
}

extension ClusterPlan.Stage {
    fileprivate init(_ stage: PlanPreview.Stage) {
        worker = stage.worker.map { ClusterStatus.name(of: $0) }
        name = stage.name
        layers = ClusterStatus.Layers(stage.layers)
        memoryBytes = Int(clamping: stage.memoryBytes)
        plannedBytes = Int(clamping: stage.plannedBytes)
        weightBytes = Int(clamping: stage.weightBytes)
        kvBytes = Int(clamping: stage.keyValueBytes)
        fetchedBytes = Int(clamping: stage.fetchedBytes)
        decodingMicroseconds = stage.decodingMicroseconds
        promptMicroseconds = stage.promptMicroseconds
    }
}

extension ClusterPlan.Figures {
    fileprivate init(_ figures: PlanPreview.Figures) {
        oneAnswerTokensPerSecond = figures.oneAnswer
        manyAnswersTokensPerSecond = figures.manyAnswers
        answers = figures.answers
        promptTokensPerSecond = figures.prompt
        promptStepTokens = figures.promptTokens
        decodingBottleneck = figures.decodingBottleneck
        promptBottleneck = figures.promptBottleneck
    }
}
