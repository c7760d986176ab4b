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

        @Test("A coordinator that may open 48 files outlives 40 connections that take them all, and serves after them")
        func fewAndMany() async throws {
            // What the process of these tests has open is none of the coordinator's.
            let script = """
                for number in $(ls /proc/$$/fd); do [ $number -gt 2 ] && eval "exec $number>&-"; done
                ulimit -n 48
                $TANDEM coordinator --simulate --listen tcp://127.0.0.1:0 > "$TMPDIR/join-$$" &
                node=$!
                for _ in $(seq 600); do
                    port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/p' "$TMPDIR/join-$$" 2> /dev/null)
                    [ -n "$port" ] && break
                    sleep 0.1
                done
                (
                    ulimit -n 48
                    for number in $(seq 3 43); do eval "exec $number<> /dev/tcp/127.0.0.1/$port"; done
                    sleep 1
                ) 2> /dev/null
                $TANDEM status --coordinator 127.0.0.1:$port
                kill $node
                wait $node
                rm -f "$TMPDIR/join-$$"
                """
            let outcome = try await bash("export TMPDIR=${TMPDIR:-/tmp}\n" + script)
            #expect(outcome.output.contains("waiting for workers"), "\(outcome)")
        }
    }
}
