// Responsible for: `tandem chat` in a terminal, as people keep it open: keys, pastes, Ctrl-C, failures of turns.
import Foundation
import Testing

extension CommandTests {
    @Suite("A chat in a terminal", .serialized)
    struct ChatTerminalTests {
        private struct Message: Decodable, Equatable {
            var role: String
            var content: String
        }

        /// Of several workers that never guess ahead an answer takes seconds.
        private func cluster(workers: Int = 1) async throws -> LocalCluster {
            let cluster = try await LocalCluster("--speculate", "off", "--min-workers", "\(max(workers, 1))")
            if workers > 0 { try await cluster.join(count: workers) }
            return cluster
        }

        /// Waits until some letters of an answer have come.
        private func waitForAnswer(_ chat: ChatTerminal, to message: String) async throws {
            let isUnderWay = await eventually(every: .milliseconds(5)) {
                let output = chat.process.outputSoFar
                guard let sent = output.range(of: message + "\r\r\n") else { return false }
                // A notice that the context is full is no answer.
                let lines = output[sent.upperBound...].split(whereSeparator: \.isNewline)
                return lines.filter { !$0.hasPrefix("(") }.joined().utf8.count > 20
            }
            try #require(isUnderWay, "\(chat.process.outputSoFar)")
        }

        private func saved(_ chat: ChatTerminal) async throws -> [Message] {
            let path = chat.folder.path + "/saved.json"
            try await chat.send("/save \(path)")
            return try JSONDecoder().decode([Message].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        }

        @Test("Ctrl-C stops the answer of every turn, keeps the conversation, and a second one leaves with 130")
        func interrupts() async throws {
            let chat = try await ChatTerminal(try await cluster(workers: 3), "--max-tokens", "450", "--ignore-eos")
            #expect(!chat.terminal.isPlain)
            for turn in 1...5 {
                chat.type("Turn \(turn)\r")
                try await waitForAnswer(chat, to: "Turn \(turn)")
                // By key, and by signal as others send it.
                if turn % 2 == 1 { chat.type("\u{03}") } else { chat.process.signal(SIGINT) }
                try await chat.waitForPrompt(below: "> Turn \(turn)")
                #expect(chat.process.isRunning)
                // The first has the whole context, and seconds, to go on.
                if turn == 1 {
                    try await chat.send("/stats")
                    try await chat.wait(for: "; cancelled]")
                }
            }
            let messages = try await saved(chat)
            #expect(messages.count == 10)
            #expect(messages.filter { $0.role == "user" }.map(\.content) == (1...5).map { "Turn \($0)" })
            chat.type("Turn 6\r")
            try await waitForAnswer(chat, to: "Turn 6")
            chat.type("\u{03}")
            try await chat.waitForPrompt(below: "> Turn 6")
            chat.type("\u{03}")
            #expect(try await chat.process.wait().status == 130)
            #expect(chat.terminal.isPlain && chat.process.outputSoFar.hasSuffix("\u{1B}[?2004l"))
        }

        @Test("Ctrl-C stops the answer of every turn also where lines come from a terminal that can do nothing")
        func interruptsWithoutEditor() async throws {
            let cluster = try await cluster(workers: 3)
            let terminal = try PseudoTerminal(columns: 80, rows: 24)
            let process = try TandemProcess(
                ["chat", "--coordinator", cluster.address, "--max-tokens", "450", "--ignore-eos"],
                cache: cluster.folder, terminal: terminal, ownsTerminal: true, environment: ["TERM": "dumb"])
            for turn in 1...5 {
                let isAsked = await eventually { process.outputSoFar.hasSuffix("> ") }
                try #require(isAsked, "\(process.outputSoFar)")
                let before = process.outputSoFar.count
                process.type("Turn \(turn)\n")
                let isUnderWay = await eventually(every: .milliseconds(5)) { process.outputSoFar.count > before + 30 }
                #expect(isUnderWay)
                process.type("\u{03}")
                let isBack = await eventually { process.outputSoFar.hasSuffix("> ") }
                #expect(isBack)
                process.type("/stats\n")
                let isTold = await eventually { process.outputSoFar.contains("in all: \(turn) answer") }
                #expect(isTold)
            }
            // On a busy host one or the other was at its end before Ctrl-C came.
            #expect(process.outputSoFar.contains("; cancelled]\r\n"))
            let isAsked = await eventually { process.outputSoFar.hasSuffix("> ") }
            #expect(isAsked && process.isRunning)
            process.type("/stats\n")
            let isTold = await eventually { process.outputSoFar.contains("in all: 5 answers") }
            #expect(isTold)
            process.type("\u{03}")
            #expect(try await process.wait().status == 130)
        }

        @Test("At the prompt Ctrl-C takes away what is written; where nothing is it takes two to leave")
        func interruptsAtThePrompt() async throws {
            let chat = try await ChatTerminal(try await cluster(workers: 0))
            chat.type("half a mess\u{03}")
            try await chat.waitForPrompt(below: "> half a mess")
            try await chat.send("/stats")
            chat.type("\u{03}")
            try await chat.waitForPrompt(below: "Ctrl-C again")
            chat.type("\u{03}")
            #expect(try await chat.process.wait().status == 130 && chat.terminal.isPlain)
            #expect(chat.history == ["/stats"])
            let other = try await ChatTerminal(try await cluster(workers: 0))
            other.type("\u{04}")
            #expect(try await other.process.wait().status == 0 && other.terminal.isPlain)
            let cluster = try await cluster(workers: 0)
            for (number, status) in [(SIGTERM, 143), (SIGHUP, 129), (SIGQUIT, 131)] as [(Int32, Int32)] {
                let third = try await ChatTerminal(cluster)
                third.type("half")
                third.process.signal(number)
                #expect(try await third.process.wait().status == status && third.terminal.isPlain)
            }
        }

        @Test("A terminal that takes nothing any more keeps no chat from ending")
        func stalled() async throws {
            let cluster = try await cluster(workers: 0)
            let folder = try TemporaryFolder()
            let terminal = try PseudoTerminal(columns: 80, rows: 24, isRead: false)
            let process = try TandemProcess(
                ["chat", "--coordinator", cluster.address, "--state", cluster.folder.path + "/state/tandem"],
                cache: cluster.folder, terminal: terminal, ownsTerminal: true,
                environment: ["TERM": "xterm", "XDG_STATE_HOME": folder.path])
            let isOurs = await eventually { !terminal.isPlain }
            #expect(isOurs)
            process.type("\u{1B}[200~" + String(repeating: "line\r", count: 20_000) + "\u{1B}[201~\r")
            // Until it stands in the middle of showing that.
            try await Task.sleep(for: .seconds(2))
            process.signal(SIGTERM)
            let isOver = await eventually(within: .seconds(30)) { !process.isRunning }
            #expect(isOver && terminal.isPlain)
        }

        @Test("What is pasted is one message, whatever its length and its lines, and is recalled as one")
        func pastes() async throws {
            let chat = try await ChatTerminal(try await cluster(), "--max-tokens", "3")
            let long =
                (0..<2_000).map { "word\($0 % 97)" }.joined(separator: " ") + String(repeating: "日本語 ", count: 700)
            #expect(long.utf8.count > 20_000)
            chat.paste(long)
            chat.type("\r")
            // More than the context holds: told, and survived.
            try await chat.waitForPrompt(below: "error: the prompt has ")
            chat.paste("def f():\n    return 1\n\nWhat is this?")
            chat.type("\r")
            try await chat.waitForPrompt(below: "  What is this?")
            // Keys alone may be as many.
            let line = String(repeating: "0123456789", count: 549) + "012345"
            chat.type(line + "\r")
            try await chat.wait("an error of its own") { picture in
                picture.line == ">" && picture.lines.count { $0.contains("error: the prompt has ") } == 2
            }
            #expect(chat.history == [long, "def f():\n    return 1\n\nWhat is this?", line])
            let messages = try await saved(chat)
            #expect(messages.map(\.role) == ["user", "assistant"])
            #expect(messages.first?.content == "def f():\n    return 1\n\nWhat is this?")
            chat.type("\u{1B}[A\u{1B}[A\u{1B}[A")
            try await chat.wait(for: "> def f():")
            chat.type("\u{15}gone\u{03}\u{04}")
            #expect(try await chat.process.wait().status == 0)
        }

        @Test("Keys edit as in a shell, also wide letters and marks, and several lines by Alt-Enter and a backslash")
        func editing() async throws {
            let chat = try await ChatTerminal(try await cluster(workers: 0), width: 40)
            for (keys, text) in [
                ("wrld\u{1B}[D\u{1B}[D\u{1B}[Do\u{01}/system hello \u{05}!", "hello world!"),
                ("/system 日本語\u{1B}[D\u{1B}[D\u{7F}ニ", "ニ本語"), ("/system cafe\u{301} x\u{7F}\u{7F}\u{7F}e", "cafe"),
                ("/system one two three\u{17}\u{1B}bx\u{0B}four", "one xfour"),
                ("junk\u{15}/system a \u{1F600}b\u{1B}OD\u{08}c", "a cb"),
                ("/system one two\u{1B}[1;5D\u{1B}[3~T\u{1B}[1;5C!", "one Two!"),
                ("/system \u{1B}[99;99Xfine", "fine"),
            ] {
                chat.type(keys + "\r")
                try await chat.waitForPrompt(below: "(the model is told: \(text))")
            }
            for (keys, lines) in [("one\u{1B}\rtwo\r", ["one", "two"]), ("five\\\rsix\r", ["five", "six"])] {
                chat.type(keys)
                // Also a Ctrl-C that comes before anybody is asked ends what was asked.
                chat.type("\u{03}")
                try await chat.waitForPrompt(below: lines[1])
                #expect(chat.history.last == lines.joined(separator: "\n"))
            }
            chat.type("\u{04}")
            #expect(try await chat.process.wait().status == 0)
        }

        @Test("What was sent is recalled, changed and sent again, also in the next session, from a file of mode 0600")
        func history() async throws {
            let cluster = try await cluster(workers: 0)
            let folder = try TemporaryFolder()
            let first = try await ChatTerminal(cluster, folder: folder)
            try await first.send("/system one")
            try await first.send("/system two")
            first.type("draft\u{1B}[A\u{1B}[A")
            try await first.wait("what was sent first") { $0.line == "> /system one" }
            first.type("\u{1B}[B\u{1B}[B")
            try await first.wait("what was written") { $0.line == "> draft" }
            first.type("\u{10}\u{10} more\r")
            try await first.waitForPrompt(below: "(the model is told: one more)")
            first.type("/exit\r")
            #expect(try await first.process.wait().status == 0)
            #expect(first.history == ["/system one", "/system two", "/system one more", "/exit"])
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/tandem/chat-history")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            let second = try await ChatTerminal(cluster, folder: folder)
            second.type("\u{1B}[A\u{1B}[A")
            try await second.wait("what the session before sent") { $0.line == "> /system one more" }
        }

        @Test("Ctrl-R finds what was sent before, shows it behind the prompt once it is sent, and goes on from it")
        func search() async throws {
            let chat = try await ChatTerminal(try await cluster(workers: 0), width: 60)
            for text in ["alpha one", "beta two", "alpha three"] { try await chat.send("/system " + text) }
            chat.type("draft\u{12}al")
            try await chat.wait("the newest") { $0.line == "(reverse-i-search)`al': /system alpha three" }
            chat.type("\u{12}")
            try await chat.wait("the one before") { $0.line == "(reverse-i-search)`al': /system alpha one" }
            chat.type("\u{07}")
            try await chat.wait("what was written") { $0.line == "> draft" }
            chat.type("\u{12}beta\r")
            try await chat.wait("it is sent") { picture in
                picture.line == ">" && picture.lines.count { $0 == "> /system beta two" } == 2
            }
            chat.type("\u{12}three\u{1B}")
            try await chat.wait("it is kept") { $0.line == "> /system alpha three" }
            chat.type("\u{05} more\r")
            try await chat.waitForPrompt(below: "(the model is told: alpha three more)")
            #expect(!chat.picture.lines.contains { $0.contains("reverse-i-search") })
            #expect(chat.history.suffix(2) == ["/system beta two", "/system alpha three more"])
        }

        @Test("Ctrl-Z gives the terminal back until the chat goes on, with what was written")
        func suspended() async throws {
            let chat = try await ChatTerminal(try await cluster(workers: 0))
            chat.type("half\u{1A}")
            let stat = "/proc/\(chat.process.pid)/stat"
            let isStopped = await eventually {
                (try? String(contentsOfFile: stat, encoding: .utf8))?.contains(") T ") == true
            }
            #expect(isStopped && chat.terminal.isPlain)
            chat.process.signal(SIGCONT)
            try await chat.wait("what was written") { $0.line == "> half" && $0.lines.count { $0 == "> half" } == 2 }
            #expect(!chat.terminal.isPlain)
        }

        @Test("In another size the message is shown anew, and nothing of it is lost")
        func resize() async throws {
            let chat = try await ChatTerminal(try await cluster(workers: 0), width: 80)
            let words = (0..<15).map { "word\($0)" }.joined(separator: " ")
            chat.type("/system " + words)
            try await chat.wait(for: "word14")
            for width in [40, 23, 100] {
                chat.resize(width: width)
                let whole = "> /system " + words
                try await chat.wait("the message in \(width) columns") { picture in
                    picture.lines.map { $0.padding(toLength: width, withPad: " ", startingAt: 0) }.joined()
                        .contains(whole)
                }
            }
            chat.type(" 日本\r")
            try await chat.waitForPrompt(below: "日本)")
            #expect(chat.history == ["/system \(words) 日本"])
        }
    }
}
