// Responsible for: which plan there would be for those who are there, for some of them, or with others that are imagined, and
// what would move for it. Must not know: who asks, whether it is carried out.

import Sequences
import Wire

/// What a preview is made of.
struct PlanPreviews: Sendable {
    let configuration: CoordinatorConfiguration
    /// Those that may be given layers.
    let members: [Member]
    let serving: Plan?
    let preparing: Plan?
    let reachability: Reachability
    let speeds: SpeedRecord
    let hops: HopCosts
    /// KV blocks whose contents somebody uses, or may use again.
    let blocksInUse: Int
    let now: Moment

    /// The plan, its preview and its workers; or why there is none.
    func preview(_ query: PlanQuery) -> Result<(plan: Plan, preview: PlanPreview), TandemError> {
        let considered: [Member]
        switch consider(query) {
        case .success(let members): considered = members
        case .failure(let refusal): return .failure(refusal)
        }
        let choice = PlanChoice(
            configuration: configuration, hasServed: true, serving: serving, preparing: preparing,
            reachability: reachability, speeds: speeds, now: now)
        switch choice.plan(over: considered) {
        case .success(let choice): return .success((choice.plan, preview(choice.plan, considered)))
        case .failure(let refusal): return .failure(TandemError(refusal.sentence, kind: .unavailable))
        }
    }

    // MARK: Who is considered

    private func consider(_ query: PlanQuery) -> Result<[Member], TandemError> {
        var rest = members
        for name in query.without {
            let others = rest.filter { !$0.isCalled(name) }
            if others.count == rest.count {
                return .failure(
                    TandemError(
                        "\(.without) is \(name), but no worker that may have layers is called so",
                        hint: "`tandem status` shows them: name one by its host, its id or host/pid"))
            }
            rest = others
        }
        guard let count = query.workerCount else { return .success(rest) }
        if count <= rest.count { return .success(Array(rest.prefix(count))) }
        if query.isApplied {
            return .failure(
                TandemError(
                    "\(.workers) is \(count), but only \(rest.count) are there that could have layers",
                    hint: "leave it out, or let the plan only be shown"))
        }
        if rest.isEmpty, query.memoryBytes == 0 {
            return .failure(
                TandemError(
                    "there is no worker that others could be imagined like",
                    hint: "say with \(.memory) how much each offers"))
        }
        return .success(rest + (rest.count..<count).map { imagined($0, like: rest, query.memoryBytes) })
    }

    /// A worker like one of those that are there, on a host of its own.
    private func imagined(_ number: Int, like members: [Member], _ memoryBytes: UInt64) -> Member {
        var join = members.isEmpty ? Join() : members[number % members.count].join
        join.worker = WorkerID(.max - UInt64(number))
        (join.hostName, join.processID, join.key, join.cacheIdentity) = ("", 0, nil, nil)
        join.dataEndpoint = "imagined \(number):0"
        if memoryBytes > 0 { join.memoryBytes = memoryBytes }
        var member = Member(id: join.worker, join: join, now: now)
        for link in [NodeLink.weights, .tokens] {
            _ = member.note(LinkReport(epoch: .none, link: link, outcome: .proven(bytesPerSecond: 0)))
        }
        return member
    }

    // MARK: What comes of it

    /// What a plan would give over these; nil: one of its workers is not among them.
    func figures(of plan: Plan, _ members: [Member]) -> PlanPreview.Figures? {
        forecast(of: plan, members)?.figures(chunk: configuration.prefillChunk)
    }

    private func forecast(of plan: Plan, _ members: [Member]) -> PlanForecast? {
        let own = plan.stages.compactMap { share in members.first { $0.id == share.worker } }
        guard own.count == plan.stages.count else { return nil }
        let speeds = self.speeds.speeds(of: own).map { $0 * self.speeds.efficiency }
        return PlanForecast(
            configuration.model, zip(plan.stages, speeds).map { (layers: $0.layers, speed: $1) }, hops: hops)
    }

    private func preview(_ plan: Plan, _ considered: [Member]) -> PlanPreview {
        var preview = PlanPreview()
        let forecast = forecast(of: plan, considered)
        let decoding = forecast?.seconds(.decoding(1)) ?? []
        let prompt = forecast?.seconds(.prompt(Double(configuration.prefillChunk))) ?? []
        for (index, share) in plan.stages.enumerated() {
            guard let member = considered.first(where: { $0.id == share.worker }) else { continue }
            var stage = stage(share, plan, member)
            if index < decoding.count { stage.decodingMicroseconds = decoding[index] * 1e6 }
            if index < prompt.count { stage.promptMicroseconds = prompt[index] * 1e6 }
            preview.stages.append(stage)
        }
        preview.idle = considered.filter { plan.layers(of: $0.id) == nil }.map(\.shownName)
        preview.blockCount = plan.blockCount
        preview.figures = forecast?.figures(chunk: configuration.prefillChunk) ?? PlanPreview.Figures()
        preview.serving = serving.flatMap { figures(of: $0, members) }
        preview.isServing = plan == serving
        preview.move = move(to: plan, considered)
        return preview
    }

    private func stage(_ share: Plan.Share, _ plan: Plan, _ member: Member) -> PlanPreview.Stage {
        let model = configuration.model
        let isThere = members.contains { $0.id == member.id }
        var stage = PlanPreview.Stage(worker: isThere ? member.id : nil, layers: share.layers)
        stage.name = isThere ? member.shownName : "imagined"
        stage.memoryBytes = member.join.memoryBytes
        stage.plannedBytes = model.stageBytes(
            of: share.layers, blockCount: plan.blockCount, threads: member.join.threads,
            keepsOutputs: plan.keepsOutputs)
        stage.weightBytes = model.weightBytes(of: share.layers)
        stage.keyValueBytes = model.keyValueBytes(of: share.layers, blockCount: plan.blockCount)
        stage.fetchedBytes = LoadTimes(model: model, members: members).missing(share, holding: serving)
        return stage
    }

    /// Weights that workers do not hold now, unless they have them cached, and blocks in use of layers that change hands.
    private func move(to plan: Plan, _ considered: [Member]) -> PlanPreview.Move {
        let (model, times) = (configuration.model, LoadTimes(model: configuration.model, members: considered))
        var move = PlanPreview.Move()
        move.weightBytes = plan.stages.reduce(0) { $0 + times.missing($1, holding: serving) }
        move.weightSeconds = times.estimate(of: plan, holding: serving) / .seconds(1)
        guard let serving else { return move }
        move.blocks = blocksInUse
        // Each worker takes what is new to it, all at once.
        let taken = plan.stages.map { share in
            let own = serving.layers(of: share.worker) ?? 0..<0
            return share.layers.reduce(UInt64(0)) { $0 + (own.contains($1) ? 0 : model.keyValueBytesPerBlock[$1]) }
                * UInt64(blocksInUse)
        }
        move.keyValueBytes = taken.reduce(0, +)
        move.keyValueSeconds = Double(taken.max() ?? 0) / hops.bytesPerSecond
        return move
    }
}

extension Field {
    fileprivate static let memory = Field("memory")
    fileprivate static let without = Field("without")
    fileprivate static let workers = Field("workers")
}

extension Member {
    /// As people see it in a status.
    var shownName: String { "\(join.hostName)/\(join.processID)" }

    /// Whether a person means it, perhaps among others: by its host, its id, or both names.
    func isCalled(_ name: String) -> Bool {
        name == join.hostName || name == shownName || name == String(id.value, radix: 16)
    }
}
