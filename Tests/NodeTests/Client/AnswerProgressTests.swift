// Responsible for: what a client tells of an answer that comes over several connections, and what it asks for. Must not
// know: sockets.
import Sequences
import Testing

@testable import Node

@Suite("An answer over several connections") struct AnswerProgressTests {
    private static let accepted = GenerationEvent.accepted(model: "m", promptTokens: [1, 2], droppedMessages: 0)

    private static func token(_ id: Int32, _ text: String) -> GenerationEvent {
        .tokens([SampledToken(token: id)], text: text)
    }

    @Test("It goes on after the last whole token; nothing is told twice, and the end counts all of it")
    func resumed() throws {
        var request = GenerationRequest(prompt: .text("x"))
        request.answered = [9]
        var progress = AnswerProgress(request)
        #expect(progress.lose(Self.gone, .seconds(9)) == nil && progress.rest == request)
        #expect(try progress.take(Self.accepted) == [Self.accepted])
        #expect(try progress.take(.notice("n")) == [.notice("n")])
        #expect(try progress.take(Self.token(5, "a")) == [Self.token(5, "a")])
        // The token that ends these thoughts does not come any more.
        #expect(try progress.take(.reasoning([], text: "b")).isEmpty)
        #expect(progress.lose(Self.gone, .seconds(9)) != nil)
        #expect(progress.rest.answered == [9, 5])
        #expect(try progress.take(Self.accepted).isEmpty)
        #expect(try progress.take(.notice("n")).isEmpty)
        #expect(try progress.take(.reasoning([], text: "b")).isEmpty)
        #expect(try progress.take(Self.token(6, "c")) == [.reasoning([], text: "b"), Self.token(6, "c")])
        // Text that was held back until the end has no token.
        #expect(try progress.take(.tokens([], text: "d")).isEmpty)
        var timings = GenerationTimings()
        timings.generatedTokens = 1
        let end = try progress.take(.finished(.length, timings))
        #expect(end.count == 2 && end.first == .tokens([], text: "d"))
        guard case .finished(.length, let told)? = end.last else { throw Unexpected() }
        #expect(told.generatedTokens == 2 && told.promptTokens == 2)
    }

    @Test("A prompt that is scored goes on at its last score, which is told once")
    func scores() throws {
        var request = GenerationRequest(prompt: .tokens([1, 2, 3, 4]))
        request.scoringStart = 1
        var progress = AnswerProgress(request)
        _ = try progress.take(Self.accepted)
        #expect(progress.lose(Self.gone, .seconds(9)) != nil)
        #expect(progress.rest.scoringStart == 1)
        #expect(try progress.take(.scores([-1, -2])) == [.scores([-1, -2])])
        #expect(progress.lose(Self.gone, .seconds(9)) != nil)
        #expect(progress.rest.scoringStart == 2)
        #expect(try progress.take(.scores([-2])).isEmpty)
        #expect(try progress.take(.scores([-3])) == [.scores([-3])])
        #expect(progress.lose(Self.gone, .seconds(9)) != nil)
        #expect(progress.rest.scoringStart == 3 && progress.rest.answered.isEmpty)
        #expect(try progress.take(.scores([-3])).isEmpty)
    }

    @Test("Another model or prompt is no continuation")
    func other() throws {
        for other in [
            GenerationEvent.accepted(model: "n", promptTokens: [1, 2], droppedMessages: 0),
            .accepted(model: "m", promptTokens: [1, 3], droppedMessages: 0),
        ] {
            var progress = AnswerProgress(GenerationRequest(prompt: .text("x")))
            _ = try progress.take(Self.accepted)
            #expect(progress.lose(Self.gone, .seconds(9)) != nil)
            #expect(throws: TandemError.self) { _ = try progress.take(other) }
        }
    }

    @Test("Who wants no more of it hears what is whole, and that it was cancelled")
    func cancelled() throws {
        var progress = AnswerProgress(GenerationRequest(prompt: .text("x")))
        _ = try progress.take(Self.accepted)
        _ = try progress.take(Self.token(5, "a"))
        #expect(progress.lose(Self.gone, .seconds(9)) != nil)
        guard case .finished(.cancelled, let told)? = progress.cancel().last else { throw Unexpected() }
        #expect(told.generatedTokens == 1)
    }

    @Test("It is asked for again for so long after a loss, and longer only where more of it comes")
    func patience() throws {
        let start = ContinuousClock.now
        let full = TandemError("full", kind: .overloaded(retryAfterMilliseconds: 1))
        var progress = AnswerProgress(GenerationRequest(prompt: .text("x")), now: start)
        _ = try progress.take(Self.accepted)
        #expect(progress.lose(full, .seconds(9), now: start) == nil)
        #expect(progress.lose(TandemError("bad"), .seconds(9), now: start) == nil)
        #expect(progress.lose(Self.gone, .seconds(9), now: start) == start + .seconds(9))
        #expect(progress.lose(full, .seconds(9), now: start + .seconds(5)) == start + .seconds(9))
        _ = try progress.take(Self.token(5, "a"))
        #expect(progress.lose(Self.gone, .seconds(9), now: start + .seconds(20)) == start + .seconds(29))
        #expect(progress.lose(Self.gone, .seconds(9), now: start + .seconds(29)) == nil)
    }

    private static let gone = TandemError("gone", kind: .unavailable)

    private struct Unexpected: Error {}
}
