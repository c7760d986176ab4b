// Responsible for: a bar shows the rate of the work that it is about. Must not know: terminals.
import Testing

@testable import CLI

@Suite("Progress")
struct ProgressTests {
    private let start = ContinuousClock.now
    private let mebibyte = 1 << 20

    private func line(_ run: Progress.Run, _ seconds: Int) -> String { run.line(at: start + .seconds(seconds)) }

    @Test("The rate is that of the bytes since the work began, which may have found some done")
    func rate() {
        var run = Progress.Run()
        let isNew1 = run.add("loading", done: 4 * mebibyte, total: 10 * mebibyte, at: start)
        #expect(isNew1)
        let isNew2 = run.add("loading", done: 8 * mebibyte, total: 10 * mebibyte, at: start + .seconds(2))
        #expect(!isNew2)
        #expect(line(run, 2) == "loading [###################.....] 80% 8.0 MiB of 10.0 MiB, 2.0 MiB/s, 1 s left")
    }

    @Test("Work that begins anew, from its beginning or from where it was left, is counted anew")
    func again() {
        for (first, second) in [(10, 0), (10, 1), (6, 0), (6, 6), (6, 3)] {
            var run = Progress.Run()
            _ = run.add("receiving weights", done: 0, total: 10 * mebibyte, at: start)
            _ = run.add("receiving weights", done: first * mebibyte, total: 10 * mebibyte, at: start + .seconds(1))
            // The coordinator was away for twenty seconds.
            let isNew = run.add(
                "receiving weights", done: second * mebibyte, total: 10 * mebibyte, at: start + .seconds(21))
            #expect(isNew)
            _ = run.add(
                "receiving weights", done: (second + 2) * mebibyte, total: 10 * mebibyte, at: start + .seconds(22))
            #expect(line(run, 22).contains(", 2.0 MiB/s, "), "\(first), \(second): \(line(run, 22))")
        }
    }

    @Test("Other work, or as much more, is counted anew too; the same amount told twice at once is not")
    func other() {
        var run = Progress.Run()
        _ = run.add("receiving weights", done: 1, total: 10, at: start)
        let isNew3 = run.add("receiving weights", done: 1, total: 10, at: start + .milliseconds(10))
        #expect(!isNew3)
        let isNew4 = run.add("receiving weights", done: 2, total: 12, at: start + .seconds(2))
        #expect(isNew4)
        let isNew6 = run.add("receiving weights", done: 12, total: 12, at: start + .milliseconds(2100))
        let isNew7 = run.add("receiving weights", done: 12, total: 12, at: start + .milliseconds(2200))
        #expect(!isNew6 && !isNew7 && run.isComplete)
        let isNew5 = run.add("loading", done: 3, total: 12, at: start + .seconds(3))
        #expect(isNew5)
    }
}
