// Responsible for: commands where few files may be open. Must not know: what any command computes.
import Foundation
import Testing

extension CommandTests {
    @Suite("Few descriptors")
    struct DescriptorTests {
        @Test("With too few descriptors every command ends with a sentence", arguments: [12, 20, 30, 47])
        func tooFew(count: Int) async throws {
            for command in ["status", "list", "coordinator --simulate", "worker --join 127.0.0.1:9", "generate -p A"] {
                let outcome = try await bash("ulimit -n \(count); $TANDEM \(command)")
                #expect(outcome.status == 2 || outcome.status == 1, "\(command): \(outcome)")
                #expect(outcome.talk.contains("error: this process may open \(count) files"), "\(command): \(outcome)")
                #expect(outcome.talk.contains("hint: raise the limit"), "\(command): \(outcome)")
            }
        }

        @Test("The soft limit is raised to the hard one")
        func raised() async throws {
            let outcome = try await bash("ulimit -Sn 20; $TANDEM list")
            #expect(outcome.status == 0, "\(outcome)")
        }

        /// A coordinator of what ships with 48 descriptors; `attack` is what happens to it at `127.0.0.1:$port`. Its state is
        /// asked for then. What the process of these tests has open is none of the coordinator's.
        private func besieged(_ attack: String) async throws -> TandemProcess.Outcome {
            let script = """
                for number in $(ls /proc/$$/fd); do [ $number -gt 2 ] && eval "exec $number>&-"; done
                export TMPDIR=${TMPDIR:-/tmp}
                ulimit -n 48
                $TANDEM coordinator --model "$TALES" --wait-seconds 2 --listen tcp://127.0.0.1:0 > "$TMPDIR/join-$$" &
                node=$!
                for _ in $(seq 600); do
                    port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/p' "$TMPDIR/join-$$" 2> /dev/null)
                    [ -n "$port" ] && break
                    sleep 0.1
                done
                \(attack)
                $TANDEM status --coordinator 127.0.0.1:$port
                kill $node
                wait $node
                rm -f "$TMPDIR/join-$$"
                """
            return try await bash(script)
        }

        @Test("A coordinator that may open 48 files outlives 40 connections that take them all, and serves after them")
        func fewAndMany() async throws {
            let outcome = try await besieged(
                """
                (
                    for number in $(seq 3 43); do eval "exec $number<> /dev/tcp/127.0.0.1/$port"; done
                    sleep 1
                ) 2> /dev/null
                """)
            #expect(outcome.output.contains("waiting for workers"), "\(outcome)")
        }

        @Test("So it does 40 clients with keys that all wait for an answer, of which each ends with a sentence")
        func fewAndManyClients() async throws {
            let outcome = try await besieged(
                """
                for number in $(seq 40); do
                    ($TANDEM generate --coordinator 127.0.0.1:$port -p A 2>&1; echo "status $?") &
                    clients+=($!)
                done
                wait "${clients[@]}"
                """)
            // No answer, nobody there, busy; one that ends handshakes may be one of another key.
            let ends = [1, 69, 75, 77].map { "status \($0)" }
            let lines = outcome.output.split(separator: "\n")
            let statuses = lines.filter { $0.hasPrefix("status ") }
            #expect(statuses.count == 40 && statuses.allSatisfy { ends.contains(String($0)) }, "\(outcome)")
            #expect(lines.count { $0.hasPrefix("error: ") } == 40, "\(outcome)")
            #expect(outcome.output.contains("waiting for workers"), "\(outcome)")
        }
    }
}
