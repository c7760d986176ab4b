// Makes text of tokens that come one by one. Knows nothing of ids and of characters that are not complete yet.

import ModelFile

/// One sequence on its way through the steps: each token's text goes as far as it can, the rest is held.
///
/// All parts together are what the `tokenizers` library makes of the whole sequence.
struct TokenDecoder: Sendable {
    /// A step and what it remembers.
    private struct RunningStep {
        let step: TokenDecoding.Step
        /// What comes is not token after token, but one text in parts.
        let isFused: Bool
        var isFirst = true
        /// How much may yet be taken from the beginning.
        var toStrip = 0
        var held: [UInt8] = []
        var previous: [UInt8]?
    }

    private var steps: [RunningStep] = []

    /// `insideText`: what comes is not the beginning of a text.
    init(_ decoding: TokenDecoding, insideText: Bool = false) {
        var isFused = false
        for step in decoding.steps {
            var running = RunningStep(step: step, isFused: isFused)
            if case .strip(_, let start, _) = step { running.toStrip = insideText ? 0 : start }
            running.isFirst = !insideText
            steps.append(running)
            isFused = isFused || step.fuses
        }
    }

    /// Takes the text of the next token; gives what is certain now. Bytes may end inside a character.
    mutating func append(_ text: [UInt8], isLiteral: Bool) -> [UInt8] {
        var result: [UInt8] = []
        feed(text, isLiteral: isLiteral, to: 0, &result)
        return result
    }

    /// Ends the sequence: what was held.
    mutating func finish() -> [UInt8] {
        var result: [UInt8] = []
        for index in steps.indices { flush(index, &result) }
        return result
    }

    /// Ends a run of bytes, as the next token that is none would.
    mutating func endBytes() -> [UInt8] {
        var result: [UInt8] = []
        for index in steps.indices {
            if case .byteFallback = steps[index].step { flush(index, &result) }
        }
        return result
    }

    private mutating func feed(_ text: [UInt8], isLiteral: Bool, to index: Int, _ result: inout [UInt8]) {
        guard index < steps.count else {
            result += text
            return
        }
        let isFirst = steps[index].isFirst
        let isFused = steps[index].isFused
        steps[index].isFirst = isFused && isFirst
        func pass(_ text: [UInt8], _ decoder: inout TokenDecoder, _ result: inout [UInt8]) {
            decoder.feed(text, isLiteral: isLiteral, to: index + 1, &result)
        }
        switch steps[index].step {
        case .fuse: pass(text, &self, &result)
        case .spaces: pass(isFirst ? text : [UInt8(ascii: " ")] + text, &self, &result)
        case .byteLevel: pass(isLiteral ? text : Self.bytes(spelled: text), &self, &result)
        case .bytes:
            let byte = isLiteral ? nil : Self.byte(named: text)
            pass(byte.map { [$0] } ?? text, &self, &result)
        case .byteFallback where !isFused:
            if let byte = Self.byte(named: text) {
                steps[index].held.append(byte)
            } else {
                flush(index, &result)
                pass(text, &self, &result)
            }
        case .replace where isLiteral: pass(text, &self, &result)
        case .replace(let pattern, let content) where !isFused:
            pass(pattern.replacing(in: text, with: content), &self, &result)
        case .metaspace(let mark, let trimsFirst):
            let content: [UInt8] = isFirst && trimsFirst ? [] : [UInt8(ascii: " ")]
            pass(TextPattern.literal(mark).replacing(in: text, with: content), &self, &result)
        case .wordPiece(let prefix, let cleansUp) where !isFused:
            var piece = text
            if !isFirst { piece = text.starts(with: prefix) ? Array(text.dropFirst(prefix.count)) : [0x20] + text }
            pass(cleansUp ? Self.cleanedUp(piece) : piece, &self, &result)
        case .strip(let content, let start, let stop) where !isFused:
            pass(Self.strip(text, content, start, stop), &self, &result)
        case .strip(let content, _, let stop): stripStream(text, content, stop, at: index, &result)
        case .wordSuffix(let suffix) where !isFused:
            let before = TextPattern.literal(suffix).replacing(in: steps[index].held, with: [UInt8(ascii: " ")])
            let end = suffix.isEmpty ? nil : Self.firstIndex(of: suffix, in: text)
            steps[index].held = end.map { Array(text[$0...]) } ?? []
            pass(before + text[..<(end ?? text.count)], &self, &result)
        case .repetitions(let padding, let delimiter, let cleansUp) where !isFused:
            if steps[index].previous == text { return }
            steps[index].previous = text
            var piece = TextPattern.literal(padding).replacing(in: text, with: [])
            if cleansUp {
                piece = TextPattern.literal(delimiter).replacing(in: Self.cleanedUp(piece), with: [UInt8(ascii: " ")])
            }
            if !piece.isEmpty { pass(piece, &self, &result) }
        case .byteFallback, .replace, .wordPiece, .wordSuffix, .repetitions:
            steps[index].held += text  // The whole text must be known.
        }
    }

    private mutating func flush(_ index: Int, _ result: inout [UInt8]) {
        let held = steps[index].held
        if held.isEmpty { return }
        steps[index].held = []
        let text: [UInt8]
        switch steps[index].step {
        case .byteFallback where !steps[index].isFused:
            let isText = String(validating: held, as: UTF8.self) != nil
            text = isText ? held : held.flatMap { _ in [0xEF, 0xBF, 0xBD] as [UInt8] }
        case .replace(let pattern, let content): text = pattern.replacing(in: held, with: content)
        case .wordPiece(_, let cleansUp): text = cleansUp ? Self.cleanedUp(held) : held
        case .wordSuffix(let suffix): text = TextPattern.literal(suffix).replacing(in: held, with: [])
        case .strip: return  // What may be taken from the end is taken.
        default: text = held
        }
        feed(text, isLiteral: false, to: index + 1, &result)
    }

    // MARK: Steps

    /// The bytes of a text in GPT-2's characters.
    private static func bytes(spelled text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        ByteAlphabet.append(String(decoding: text, as: UTF8.self), to: &bytes)
        return bytes
    }

    private static func byte(named text: [UInt8]) -> UInt8? {
        TokenizerDescription.byte(named: text)
    }

    private static func firstIndex(of wanted: [UInt8], in text: [UInt8]) -> Int? {
        text.withUnsafeBytes { UTF8Text(bytes: $0).firstIndex(of: wanted, from: 0) }
    }

    private static func strip(_ text: [UInt8], _ content: [UInt8], _ start: Int, _ stop: Int) -> [UInt8] {
        var rest = text[...]
        for _ in 0..<min(start, text.count) {
            guard rest.starts(with: content) else { break }
            rest = rest.dropFirst(content.count)
        }
        for _ in 0..<min(stop, rest.count) {
            guard rest.suffix(content.count).elementsEqual(content), !rest.isEmpty else { break }
            rest = rest.dropLast(content.count)
        }
        return Array(rest)
    }

    /// Of a text that comes in parts: its beginning, and its end as far as it is known.
    private mutating func stripStream(
        _ text: [UInt8], _ content: [UInt8], _ stop: Int, at index: Int, _ result: inout [UInt8]
    ) {
        var rest = steps[index].held + text
        steps[index].held = []
        while steps[index].toStrip > 0, !rest.isEmpty {
            if rest.starts(with: content) {
                rest.removeFirst(content.count)
                steps[index].toStrip -= 1
            } else {
                steps[index].toStrip = 0
            }
        }
        var kept = rest[...]
        var count = 0
        while count < stop, kept.suffix(content.count).elementsEqual(content), !kept.isEmpty {
            kept = kept.dropLast(content.count)
            count += 1
        }
        steps[index].held = Array(rest[kept.endIndex...])
        if !kept.isEmpty { feed(Array(kept), isLiteral: false, to: index + 1, &result) }
    }

    /// The library's `cleanup` for WordPiece.
    private static func cleanedUp(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(0x20) else { return text }
        var text = text
        for (wanted, content) in cleanups {
            text = TextPattern.literal(Array(wanted.utf8)).replacing(in: text, with: Array(content.utf8))
        }
        return text
    }

    private static let cleanups = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]
}
