// Responsible for: probes, by a node's health file and by asking its coordinator. Must not know: who acts on them.
import Foundation
import Node
import Sequences
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Probes")
    struct ProbeTests {
        @Test("A file that is fresh is alive; ready is what the node says of itself")
        func file() throws {
            let folder = try TemporaryFolder()
            let file = HealthFile(path: folder.path + "/health")
            func fails(_ question: HealthFile.Question, at now: Double) -> String? {
                do { try file.check(question, now: now) } catch { return error.message.description }
                return nil
            }
            #expect(fails(.live, at: 100)?.contains("is not there") == true)
            file.write(NodeState(isReady: false, sentence: "waiting for\nworkers"), now: 100)
            #expect(fails(.live, at: 100) == nil && fails(.live, at: 114) == nil)
            #expect(fails(.ready, at: 100)?.contains("not ready: waiting for") == true)
            file.write(NodeState(isReady: true, sentence: "serving"), now: 200)
            #expect(fails(.ready, at: 201) == nil)
            #expect(fails(.live, at: 216)?.contains("said nothing for 16 s") == true)
            // Written before the machine was started anew.
            #expect(fails(.live, at: 20) != nil)
            for nonsense in ["", "ready", "ready\nnan\nx", "ready\n1e999\nx", "ready\n200", "\n\n"] {
                try Data(nonsense.utf8).write(to: URL(fileURLWithPath: file.path))
                #expect(fails(.live, at: 200) != nil, "\(nonsense)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["health"])
        }

        @Test("A link in the place of the file is not followed, and what cannot be written harms nobody")
        func link() throws {
            let folder = try TemporaryFolder()
            let victim = folder.path + "/victim"
            try Data("untouched".utf8).write(to: URL(fileURLWithPath: victim))
            symlink(victim, folder.path + "/health.new")
            HealthFile(path: folder.path + "/health").write(NodeState(isReady: true, sentence: "x"))
            #expect(try String(contentsOfFile: victim, encoding: .utf8) == "untouched")
            HealthFile(path: "/nowhere/health").write(NodeState(isReady: true, sentence: "x"))
        }

        @Test("A cluster is alive before its workers, ready with them, and a worker when it has joined")
        func cluster() async throws {
            let files = try TemporaryFolder()
            let cluster = try await LocalCluster("--health-file", files.path + "/coordinator")
            func probe(_ question: String, _ flags: String...) async throws -> TandemProcess.Outcome {
                try await TandemProcess(["status", "--probe", question] + flags, cache: cluster.folder).wait()
            }
            let live = try await probe("live", "--coordinator", cluster.address)
            #expect(live.status == 0 && live.output.isEmpty && live.talk.isEmpty, "\(live)")
            let ready = try await probe("ready", "--coordinator", cluster.address)
            #expect(ready.status == 1 && ready.output.isEmpty && ready.talk.contains("no: "), "\(ready)")
            try cluster.join("--health-file", files.path + "/worker")
            try await cluster.waitUntilServing(workers: 1)
            #expect(try await probe("ready", "--coordinator", cluster.address).status == 0)
            for node in ["coordinator", "worker"] {
                let isReady = try await eventually {
                    try await probe("ready", "--health-file", files.path + "/" + node).status == 0
                }
                #expect(isReady, "\(node)")
            }
            cluster.coordinator.signal(SIGKILL)
            _ = try await cluster.coordinator.wait()
            let gone = try await probe("live", "--coordinator", cluster.address)
            #expect(gone.status == 1 && gone.talk.hasPrefix("no: "), "\(gone)")
            // A worker whose coordinator is away is not to be started again for that.
            let isWaiting = try await eventually {
                try await probe("ready", "--health-file", files.path + "/worker").status == 1
            }
            #expect(isWaiting)
            #expect(try await probe("live", "--health-file", files.path + "/worker").status == 0)
        }

        @Test(
            "Flags that contradict each other are told",
            arguments: [
                ("status --probe live --json", "--probe prints nothing"),
                ("status --probe live --watch", "--probe prints nothing"),
                ("status --health-file x", "--health-file is of --probe"), ("status --probe dead", "dead"),
            ])
        func wrong(arguments: String, message: String) async throws {
            let words = arguments.split(separator: " ").map(String.init)
            let outcome = try await TandemProcess(words, cache: TemporaryFolder()).wait()
            #expect(outcome.status == 2 && outcome.talk.contains(message), "\(outcome)")
        }
    }
}
