// Responsible for: `tandem status` as people and scripts use it: JSON, text, and live in a terminal and through a pipe.
import Foundation
import Testing

extension CommandTests {
    @Suite("Status")
    struct StatusCommandTests {
        private struct Times: Decodable { var wire: Double, queue: Double, compute: Double, wait: Double }
        private struct Stage: Decodable {
            var worker: String
            var host: String
            var pid: Int32
            var layers: Status.Layers
            var steps: Int
            var tokens: Int
            var totalMicroseconds: Times
            var meanMicroseconds: Times
            var busyFraction: Double
            var recentBusyFraction: Double
            var queuedSteps: Int
        }
        private struct Pipeline: Decodable {
            var activeMicroseconds: Int
            var bubbleFraction: Double
            var stepsInFlight: Int
            var targetSteps: Int
            var queueLimitRequests: Int
            var promptTokenCount: Int
            var finishedRequests: Int
            var isSimulated: Bool
        }
        private struct Details: Decodable {
            var generatedTokens: Int
            var stages: [Stage]
            var pipeline: Pipeline
        }

        /// A cluster of two workers that has answered one prompt.
        private func cluster() async throws -> LocalCluster {
            let cluster = try await LocalCluster("--min-workers", "2")
            try await cluster.join(count: 2)
            _ = try await cluster.answer("--prompt", "The cat", "--temperature", "0", "--max-tokens", "20")
            return cluster
        }

        @Test("JSON tells where the time of each stage went, in the order of the layers; the table shows it")
        func details() async throws {
            let cluster = try await cluster()
            let output = try await tandem("status", "--coordinator", cluster.address, "--json", cache: cluster.folder)
                .output
            let details = try decode(Details.self, output)
            #expect(details.stages.map(\.layers.first).first == 0 && details.stages.map(\.layers.last).last == 5)
            #expect(Set(details.stages.map(\.pid)) == Set(cluster.workers.map(\.pid)))
            for stage in details.stages {
                #expect(stage.steps > 0 && stage.tokens >= stage.steps && stage.queuedSteps == 0)
                let (total, mean) = (stage.totalMicroseconds, stage.meanMicroseconds)
                #expect(total.compute > 0 && total.wait > 0)
                #expect(abs(mean.compute * Double(stage.steps) - total.compute) < 1e-6 * total.compute)
                #expect(abs(stage.busyFraction - total.compute / (total.compute + total.wait)) < 1e-9)
                #expect((0...1).contains(stage.recentBusyFraction))
            }
            let pipeline = details.pipeline
            #expect(pipeline.activeMicroseconds > 0 && pipeline.targetSteps >= 2 && pipeline.stepsInFlight == 0)
            #expect((0..<1).contains(pipeline.bubbleFraction) && pipeline.promptTokenCount > 0 && !pipeline.isSimulated)
            #expect(pipeline.finishedRequests == 1 && pipeline.queueLimitRequests > 0)
            let keys = try #require(JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
            let named = Set((keys["pipeline"] as? [String: Any] ?? [:]).keys)
            let wanted: Set = [
                "active_microseconds", "bubble_fraction", "steps_in_flight", "target_steps", "prefill_budget_tokens",
                "waiting_requests", "running_requests", "queue_limit_requests", "prompt_token_count", "reused_tokens",
                "drafted_tokens", "accepted_tokens", "skipped_steps", "preemptions", "refusals", "finished_requests",
                "kv_blocks_cached", "is_simulated", "kv_type", "last_pause_microseconds", "rebuilt_layer_tokens",
                "plan_changes", "abandoned_plan_changes", "copied_blocks",
            ]
            #expect(named == wanted)
            let text = try await tandem("status", "--coordinator", cluster.address, cache: cluster.folder).output
            #expect(text.contains("compute/step") && text.contains("steps in flight, bubble "))
            // Columns are as wide as the longest name.
            for stage in details.stages { #expect(try text.contains(Regex("\(stage.host)/\(stage.pid) +\\["))) }
        }

        @Test("Through a pipe --watch writes a line each time without escapes, says when nobody answers, and goes on")
        func piped() async throws {
            let cluster = try await cluster()
            let watch = ["status", "--coordinator", cluster.address, "--watch", "--interval", "0.2"]
            let lines = try TandemProcess(watch, cache: cluster.folder)
            let objects = try TandemProcess(watch + ["--json"], cache: cluster.folder)
            let isComing = await eventually {
                lines.outputSoFar.count { $0 == "\n" } >= 3 && objects.outputSoFar.count { $0 == "\n" } >= 3
            }
            try #require(isComing, "\(lines.talkSoFar) \(objects.talkSoFar)")
            cluster.coordinator.signal(SIGKILL)
            let isTold = await eventually { lines.talkSoFar.contains("asking again") }
            #expect(isTold && lines.isRunning && objects.isRunning)
            for process in [lines, objects] { process.signal(SIGKILL) }
            for line in lines.outputSoFar.split(separator: "\n") {
                #expect(line.hasPrefix("serving, ") && line.contains(" tokens/s, busy ") && !line.contains("\u{1B}"))
            }
            for line in objects.outputSoFar.split(separator: "\n") {
                #expect(try decode(Details.self, String(line)).stages.count == 2)
            }
        }

        @Test(
            "In a terminal the view has a page of its own, follows its size, and leaves all as it was",
            arguments: [true, false])
        func live(endsByKey: Bool) async throws {
            let cluster = try await cluster()
            let terminal = try PseudoTerminal(columns: 90, rows: 20)
            let process = try TandemProcess(
                ["status", "--coordinator", cluster.address, "--watch", "--interval", "0.2"], cache: cluster.folder,
                terminal: terminal, environment: ["TERM": "xterm", "LC_ALL": "C", "NO_COLOR": endsByKey ? "" : "1"])
            let isShown = await eventually { process.outputSoFar.contains("tokens/s") }
            try #require(isShown, "\(process.talkSoFar)")
            #expect(process.outputSoFar.hasPrefix("\u{1B}[?1049h\u{1B}[?25l") && !terminal.isPlain)
            #expect(process.outputSoFar.contains("compute ms"))
            terminal.resize(columns: 40, rows: 6)
            process.signal(SIGWINCH)
            // Six lines fill it: nothing is left to be erased below them.
            let isSmaller = await eventually {
                let frames = process.outputSoFar.components(separatedBy: "\u{1B}[H").dropLast()
                guard let last = frames.last, frames.count > 2 else { return false }
                return last.components(separatedBy: "\r\n").count == 6 && !last.contains("\u{1B}[J")
            }
            #expect(isSmaller)
            if endsByKey { process.type("q") } else { process.signal(SIGINT) }
            let outcome = try await process.wait()
            #expect(outcome.status == (endsByKey ? 0 : 130) && outcome.talk.isEmpty)
            #expect(outcome.output.hasSuffix("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l") && terminal.isPlain)
            #expect(outcome.output.contains("\u{1B}[2m") == endsByKey)
        }

        @Test(
            "Wrong flags are told in a sentence",
            arguments: [
                (["--interval", "2"], "--interval is of --watch"),
                (["--watch", "--interval", "0"], "--interval is 0.0"),
                (["--watch", "--interval", "nan"], "--interval is nan"),
                (["--watch", "--coordinator", "nonsense"], "nonsense"),
            ])
        func wrongFlags(arguments: [String], message: String) async throws {
            let outcome = try await TandemProcess(["status"] + arguments, cache: TemporaryFolder()).wait()
            #expect(outcome.status == 2 && outcome.output.isEmpty)
            #expect(outcome.talk.contains("error: ") && outcome.talk.contains(message), "\(outcome.talk)")
        }
    }
}
