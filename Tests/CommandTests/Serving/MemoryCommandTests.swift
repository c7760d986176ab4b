// Responsible for: workers where memory is short, as a person starts them: in control groups, under `ulimit -v`, several on
// one host. Must not know: how limits are found.
import Foundation
import Testing

extension CommandTests {
    @Suite("Short memory")
    struct MemoryCommandTests {
        /// A control group with a limit on memory; it is removed with its last reference, once it is empty.
        private final class Group {
            let path: String

            /// nil: none can be made here.
            init?(limit: Int) {
                let name = "tandem-test-\(getpid())-\(limit)"
                for (parent, file) in [
                    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"),
                ] {
                    let path = parent + "/" + name
                    guard mkdir(path, 0o755) == 0 else { continue }
                    let isLimited =
                        (try? "\(limit)".write(toFile: path + "/" + file, atomically: false, encoding: .utf8)) != nil
                    if isLimited {
                        self.path = path
                        return
                    }
                    rmdir(path)
                }
                return nil
            }

            deinit {
                for _ in 0..<100 where rmdir(path) != 0 { usleep(50_000) }
            }
        }

        /// Starts a worker after what a shell does first.
        private func join(_ cluster: LocalCluster, after preparation: String, _ arguments: String = "") throws
            -> TandemProcess
        {
            let folder = try TemporaryFolder()
            let line = "\(preparation) && exec \"$TANDEM\" worker --join \(cluster.address) --threads 1 \(arguments)"
            let worker = try TandemProcess(["-c", line], cache: folder, program: "/bin/sh", state: cluster.folder)
            cluster.workers.append(worker)
            cluster.workerFolders.append(folder)
            return worker
        }

        @Test(
            "A worker in a small control group offers less than that allows, and lives",
            arguments: [512 << 20, 350_000_000, 160_000_000])
        func controlGroup(limit: Int) async throws {
            guard let group = Group(limit: limit) else {
                print("SKIPPED: no control group with a limit on memory can be made here")
                return
            }
            let cluster = try await LocalCluster()
            let worker = try join(cluster, after: "echo $$ > \(group.path)/cgroup.procs")
            let status = try await cluster.status(once: { $0.isServing || !worker.isRunning })
            #expect(status.isServing, "\(worker.talkSoFar)")
            #expect((1..<limit).contains(status.workers[0].memoryBytes))
            let question = ["--prompt", "Once upon a time", "--temperature", "0", "--max-tokens", "20"]
            #expect(try await cluster.answer(question) == reference(question))
            worker.signal(SIGTERM)
            #expect(try await worker.wait().status == 0)
            withExtendedLifetime(group) {}
        }

        @Test(
            "A worker in a small address space serves, and in one that is too small says so",
            arguments: [1 << 20, 2 << 20, 1 << 19])
        func addressSpace(kibibytes: Int) async throws {
            let cluster = try await LocalCluster()
            let worker = try join(cluster, after: "ulimit -v \(kibibytes)")
            let status = try await cluster.status(once: { $0.isServing || !worker.isRunning })
            if status.isServing {
                #expect((1..<(kibibytes << 10)).contains(status.workers[0].memoryBytes))
                return
            }
            let outcome = try await worker.wait()
            #expect(kibibytes == 1 << 19 && outcome.status == 69, "\(outcome)")
            #expect(outcome.talk.contains("error: there is no memory for a worker"), "\(outcome.talk)")
        }

        @Test("Workers that share a host offer equal parts of it, whenever they start, and never more than there is")
        func severalWorkers() async throws {
            let free = try #require(Self.availableBytes())
            let cluster = try await LocalCluster()
            let runtime = try TemporaryFolder()
            let own = "export XDG_RUNTIME_DIR=\(runtime.path)"
            for _ in 0..<3 { _ = try join(cluster, after: own) }
            let status = try await cluster.status(once: { status in
                let offers = status.workers.map(\.memoryBytes)
                return status.isServing && offers.count == 3 && (offers.max() ?? 0) < (offers.min() ?? 0) / 10 * 15
            })
            // What is free changes while a test runs, by what others do.
            #expect(status.workers.reduce(0) { $0 + $1.memoryBytes } < free + free / 10)
            let question = ["--prompt", "Once upon a time", "--temperature", "0", "--max-tokens", "20"]
            #expect(try await cluster.answer(question) == reference(question))
        }

        @Test("A wish for more memory than there is is cut, with a warning")
        func wish() async throws {
            let free = try #require(Self.availableBytes())
            let cluster = try await LocalCluster()
            let worker = try join(cluster, after: "true", "--memory 900TiB")
            let status = try await cluster.status(once: { $0.isServing || !worker.isRunning })
            #expect(status.isServing && status.workers[0].memoryBytes < free + free / 10)
            #expect(worker.talkSoFar.contains("not the 900.0 TiB asked for: "))
        }

        private static func availableBytes() -> Int? {
            let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
            return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
        }
    }
}
