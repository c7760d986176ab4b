// Responsible for: how an answer is held against the right one. Must not know: where answers come from.
import Sequences
import Testing

@testable import Bench

@Suite("Answers against the right ones")
struct AnswerCheckTests {
    private static let known = KnownAnswer(
        request: .load(prompt: [1], answerTokens: 6), tokens: sampled([5, 6, 7, 7, 8, 9]), text: "abcdef")

    private static func sampled(_ tokens: [Int32]) -> [SampledToken] { tokens.map { SampledToken(token: $0) } }

    /// What is said of an answer as it comes, token by token, and at its end.
    private func check(
        _ tokens: [Int32], isComplete: Bool = true, text: String = "abcdef"
    ) -> (said: [String], AnswerDifference) {
        var check = AnswerCheck(Self.known)
        var said: [String] = []
        for (index, token) in tokens.enumerated() {
            if let wrong = check.take(Self.sampled([token]), text: index == 0 ? text : "") { said.append(wrong) }
        }
        return (said, check.difference(isComplete: isComplete))
    }

    @Test("The right answer has nothing wrong")
    func right() {
        let (said, difference) = check([5, 6, 7, 7, 8, 9])
        #expect(said.isEmpty && difference.isNone)
    }

    @Test("What is lost, altered and doubled is told apart, and said once, at the first wrong token")
    func wrong() {
        let cases: [([Int32], AnswerDifference, String)] = [
            ([5, 6, 7, 8, 9], .init(lost: 1), "token 4 is 8, but should be 7"),
            ([5, 6, 6, 7, 7, 8, 9], .init(doubled: 1), "token 3 is 6, but should be 7"),
            ([5, 6, 1, 7, 8, 9], .init(altered: 1), "token 3 is 1, but should be 7"),
            ([5, 5, 6, 7, 7, 8, 3], .init(altered: 1, doubled: 1), "token 2 is 5, but should be 6"),
            ([5, 6, 7, 7, 8, 9, 9], .init(doubled: 1), "token 7 is 9, but the answer has only 6"),
            ([], .init(lost: 6), ""), ([5, 6, 7], .init(lost: 3), ""),
        ]
        for (tokens, difference, sentence) in cases {
            let found = check(tokens)
            #expect(found.1 == difference && found.said == (sentence.isEmpty ? [] : [sentence]), "\(tokens)")
        }
    }

    @Test("Of an answer that was given up only what came can be wrong")
    func incomplete() {
        #expect(check([5, 6, 7], isComplete: false).1.isNone && check([], isComplete: false).1.isNone)
        #expect(check([5, 6, 6, 7, 7, 8], isComplete: false).1 == .init(doubled: 1))
    }

    @Test("Other log-probabilities are altered tokens, and another text is one")
    func scores() {
        #expect(check([5, 6, 7, 7, 8, 9], text: "abcdeg").1 == .init(altered: 1))
        var check = AnswerCheck(Self.known)
        let said = check.take([SampledToken(token: 5, logProbability: -1)], text: "a")
        #expect(said == "token 1 has other log-probabilities")
        #expect(check.difference(isComplete: false) == .init(altered: 1))
    }
}
