// Responsible for: what the live view of a cluster shows: two states of it, a width and a height in, lines out.
// Must not know: terminals, how the states came here.
import Foundation
import Node
import Sequences

/// One picture of a cluster. Speeds and shares are of the time between two states of it.
struct StatusView {
    /// nil: no coordinator has answered yet.
    var status: ClusterStatus?
    /// An earlier state of the same coordinator; without one there are no speeds.
    var previous: ClusterStatus?
    /// Why there is no newer state; nil where `status` is the newest.
    var failure: String?
    /// Whether the terminal shows the block elements of Unicode.
    var isFine = false

    /// Steps between two states below which the share of the last seconds tells more than that between them: steps
    /// count when they end, so that few long ones would make it jump.
    private static let fewSteps = 4
    private static let labelWidth = 9

    /// At most `height` lines of at most `width` columns. What matters most comes first.
    func lines(width: Int, height: Int) -> [StyledLine] {
        guard let status else { return Array([failureLine].prefix(height)).map { $0.cut(to: width) } }
        var lines = head(status)
        let facts = self.facts(status).flatMap { Self.flow($0.label, $0.facts, width: width) }
        lines.append(StyledLine())
        lines += stages(status, width: width, limit: max(1, height - lines.count - 3))
        let others = self.others(status)
        if !others.isEmpty { lines += others + [StyledLine()] }
        lines += facts
        lines += requests(status, room: height - lines.count)
        return lines.prefix(max(0, height)).map { $0.cut(to: width) }
    }

    /// One line for where nothing moves and nothing is coloured.
    func plainLine() -> String {
        guard let status else { return failure ?? "" }
        var facts = [status.explanation, speedText(status)]
        if !status.stages.isEmpty {
            facts.append("busy " + status.stages.indices.map { percent(busy(status, $0)) }.joined(separator: " "))
        }
        facts += StatusText.pipelineFacts(status, bubble: bubble(status))
        facts.append("kv \(StatusText.keyValueText(status))")
        if let change = status.change { facts.append("change: \(StatusText.changeText(change))") }
        if let problem = status.journal?.problem { facts.append("journal cannot be written: \(problem)") }
        if let succession = StatusText.successionText(status) { facts.append("standby: \(succession)") }
        if status.pipeline.isSimulated { facts.append("simulated") }
        return facts.joined(separator: ", ").printable
    }

    // MARK: Parts

    private var failureLine: StyledLine {
        StyledLine(failure ?? "asking the coordinator", failure == nil ? .faint : .bad)
    }

    private func head(_ status: ClusterStatus) -> [StyledLine] {
        var title = StyledLine(status.model, .strong)
        title.add(", up \(formatSeconds(status.uptimeSeconds))")
        title.add(", \(status.layerCount) layers, context \(status.contextLength)")
        var lines = [title]
        if failure != nil {
            lines.append(failureLine)
        } else {
            lines.append(StyledLine(status.explanation, status.isServing ? .good : .fair))
        }
        if let change = status.change { lines.append(StyledLine(StatusText.changeText(change), .fair)) }
        if let succession = StatusText.successionText(status) {
            lines.append(StyledLine("standby: \(succession)", status.standby?.isFollowing == false ? .fair : .faint))
        }
        if status.pipeline.isSimulated { lines.append(StyledLine(StatusText.pretence, .fair)) }
        return lines
    }

    /// Workers without layers, or none of whose layers serves now.
    private func others(_ status: ClusterStatus) -> [StyledLine] {
        let serving = Set(status.stages.map(\.worker))
        return status.workers.filter { !serving.contains($0.id) }.map { worker in
            var line = StyledLine(StatusText.layersText(worker.layers).padded(to: 8))
            line.add("\(worker.host)/\(worker.pid)  ")
            line.add(worker.state, .fair)
            return line
        }
    }

    private func facts(_ status: ClusterStatus) -> [(label: String, facts: [String])] {
        [
            ("tokens", [speedText(status), "\(status.generatedTokens) generated"]),
            ("pipeline", StatusText.pipelineFacts(status, bubble: bubble(status))),
            ("kv", [StatusText.keyValueText(status)]), ("journal", StatusText.journalFacts(status)),
        ]
    }

    /// Facts with commas between them on as many lines as they need.
    private static func flow(_ label: String, _ facts: [String], width: Int) -> [StyledLine] {
        var lines = [StyledLine(label.padded(to: labelWidth), .faint)]
        var column = labelWidth
        for (index, fact) in facts.enumerated() {
            let text = fact + (index + 1 < facts.count ? ", " : "")
            if column > labelWidth, column + text.count > width {
                lines.append(StyledLine("".padded(to: labelWidth)))
                column = labelWidth
            }
            lines[lines.count - 1].add(text)
            column += text.count
        }
        return lines
    }

    // MARK: Stages

    private func stages(_ status: ClusterStatus, width: Int, limit: Int) -> [StyledLine] {
        guard !status.stages.isEmpty else { return [] }
        let rows = status.stages.indices.map { index in
            let stage = status.stages[index]
            let work = status.work(ofStage: index, since: earlier)
            return [StatusText.layersText(stage.layers), "\(stage.host)/\(stage.pid)"]
                + StatusText.timeCells(work.microseconds.mean(of: work.steps)) + ["\(stage.queuedSteps)"]
        }
        let header = ["layers", "stage", "compute ms", "wait", "wire", "queue", "queued"]
        let widths = header.indices.map { column in
            ([header] + rows).map { $0[column].printable.count }.max() ?? 0
        }
        let shown = Self.columns(widths: widths, width: width)
        let taken = shown.reduce(0) { $0 + widths[$1] + 2 }
        // The bar, a blank and "100%" with two blanks around them.
        let barWidth = min(Self.longestBar, width - taken - 5)
        func line(_ cells: [String], _ isHeader: Bool, _ share: (inout StyledLine) -> Void) -> StyledLine {
            var line = StyledLine()
            let style: StyledLine.Style = isHeader ? .faint : .plain
            for column in shown where column < 2 {
                line.add(cells[column].printable.padded(to: widths[column]) + "  ", style)
            }
            share(&line)
            for column in shown where column >= 2 {
                line.add("  " + cells[column].padded(to: widths[column], isRight: true), style)
            }
            return line
        }
        let least = max(0, barWidth)
        var lines = [line(header, true) { $0.add("busy".padded(to: least + 5), .faint) }]
        for (index, cells) in rows.enumerated() {
            lines.append(line(cells, false) { self.addBar(to: &$0, self.busy(status, index), width: least) })
        }
        if lines.count > limit {
            let more = lines.count - limit + 1
            lines = Array(lines.prefix(max(1, limit - 1))) + [StyledLine("\(more) more stages", .faint)]
        }
        return lines + [StyledLine()]
    }

    private static let longestBar = 40
    private static let shortestBar = 10

    /// The columns that leave enough of `width` for a bar. The layers are always there; the names of workers go last.
    private static func columns(widths: [Int], width: Int) -> [Int] {
        var shown = Array(widths.indices)
        for victim in [4, 5, 6, 3, 2, 1] {
            let taken = shown.reduce(0) { $0 + widths[$1] + 2 }
            if width - taken - 5 >= shortestBar { break }
            shown.removeAll { $0 == victim }
        }
        return shown
    }

    private func addBar(to line: inout StyledLine, _ share: Double, width: Int) {
        let (full, empty) = bar(share, width: width, isFine: isFine)
        let style: StyledLine.Style = share >= 0.75 ? .good : share >= 0.4 ? .fair : .bad
        line.add(full, style)
        line.add(empty, .faint)
        line.add(" " + percent(share).padded(to: 4, isRight: true))
    }

    // MARK: Requests

    private func requests(_ status: ClusterStatus, room: Int) -> [StyledLine] {
        guard !status.requests.isEmpty, room >= 3 else { return [] }
        let before = Dictionary((earlier?.requests ?? []).map { ($0.id, $0.generatedTokens) }) { $1 }
        let count = status.requests.count <= room - 2 ? status.requests.count : room - 3
        let rows = status.requests.prefix(count).map { request in
            let speed = before[request.id].flatMap { self.speed(request.generatedTokens - $0, status) }
            return [
                "\(request.id)", request.state, "\(request.promptTokens)", "\(request.generatedTokens)",
                speed.map(threeDigits) ?? "-",
            ]
        }
        let lines = table([["request", "state", "prompt", "generated", "tokens/s"]] + rows)
        var styled = [StyledLine()] + lines.enumerated().map { StyledLine($1, $0 == 0 ? .faint : .plain) }
        if count < status.requests.count {
            styled.append(StyledLine("\(status.requests.count - count) more requests", .faint))
        }
        return styled
    }

    // MARK: Differences

    /// The earlier state, where it is one of the same coordinator process.
    private var earlier: ClusterStatus? {
        guard let previous, let status, previous.uptimeSeconds < status.uptimeSeconds else { return nil }
        return previous.generatedTokens <= status.generatedTokens ? previous : nil
    }

    /// Seconds between the two states.
    private func elapsed(_ status: ClusterStatus) -> Double? { earlier.map { status.uptimeSeconds - $0.uptimeSeconds } }

    private func speed(_ tokens: Int, _ status: ClusterStatus) -> Double? {
        elapsed(status).map { Double(max(0, tokens)) / $0 }
    }

    private func speedText(_ status: ClusterStatus) -> String {
        let speed = earlier.flatMap { self.speed(status.generatedTokens - $0.generatedTokens, status) }
        return (speed.map(threeDigits) ?? "-") + " tokens/s"
    }

    /// The share of the time between the states in which the stage computed.
    private func busy(_ status: ClusterStatus, _ index: Int) -> Double {
        let work = status.work(ofStage: index, since: earlier)
        let isRough = work.steps < Self.fewSteps && status.pipeline.stepsInFlight > 0
        guard let elapsed = elapsed(status), !isRough else { return status.stages[index].recentBusyFraction }
        return min(1, work.microseconds.compute / (elapsed * 1e6))
    }

    /// Of the time with steps in flight between the states; nil where there was none.
    private func bubble(_ status: ClusterStatus) -> Double? {
        guard let earlier else { return status.pipeline.activeMicroseconds > 0 ? status.pipeline.bubbleFraction : nil }
        return ClusterActivity(before: earlier, after: status).bubbleFraction
    }
}
