// Keys out of the bytes that terminals send, however they are cut. Must not know: what keys do.
import Testing

@testable import CLI

@Suite("Keys out of bytes")
struct KeyDecoderTests {
    private func keys(_ text: String) -> [TypedKey] {
        var decoder = KeyDecoder()
        return decoder.decode(Array(text.utf8))
    }

    @Test("Text is one key, however many scalars it has; control characters are keys of their own")
    func text() {
        #expect(keys("Grüße 日本\u{1F600}") == [.text("Grüße 日本\u{1F600}")])
        #expect(keys("ab\u{7F}\u{08}\r") == [.text("ab"), .backspace, .backspace, .enter])
        #expect(
            keys("\u{01}\u{05}\u{0B}\u{15}\u{17}\u{19}") == [
                .home, .end, .cutToEnd, .cutToStart, .deleteBlankWordLeft, .yank,
            ])
        #expect(keys("\u{12}\u{13}\u{07}\u{14}") == [.searchBackward, .searchForward, .abandon, .swap])
        #expect(keys("a\r\nb\n\r\r") == [.text("a"), .enter, .text("b"), .enter, .enter, .enter])
        #expect(
            keys("\u{03}\u{04}\u{1A}\u{0C}\n\t") == [
                .interrupt, .endOfInput, .suspend, .clearScreen, .enter, .text("\t"),
            ])
    }

    @Test(
        "Sequences of xterm, of the console, of rxvt and of kitty",
        arguments: [
            ("\u{1B}[A", TypedKey.up), ("\u{1B}OA", .up), ("\u{1B}[B", .down), ("\u{1B}[C", .right),
            ("\u{1B}[D", .left),
            ("\u{1B}[1;5D", .wordLeft), ("\u{1B}[1;3C", .wordRight), ("\u{1B}[5D", .wordLeft), ("\u{1B}Oc", .wordRight),
            ("\u{1B}b", .wordLeft), ("\u{1B}f", .wordRight), ("\u{1B}d", .deleteWordRight),
            ("\u{1B}\u{7F}", .deleteWordLeft),
            ("\u{1B}[H", .home), ("\u{1B}[F", .end), ("\u{1B}OH", .home), ("\u{1B}OF", .end), ("\u{1B}[1~", .home),
            ("\u{1B}[4~", .end), ("\u{1B}[7~", .home), ("\u{1B}[8~", .end), ("\u{1B}[3~", .delete),
            ("\u{1B}[3;5~", .deleteWordRight), ("\u{1B}\r", .newline), ("\u{1B}\n", .newline),
            ("\u{1B}[13;2u", .newline),
            ("\u{1B}[27;3;13~", .newline), ("\u{1B}\u{1B}[D", .left), ("\u{1B}[1;2D", .left),
        ])
    func sequences(bytes: String, key: TypedKey) {
        #expect(keys(bytes) == [key])
        #expect(keys("a" + bytes + "b") == [.text("a"), key, .text("b")])
    }

    @Test("What is no known sequence does nothing and hides nothing")
    func unknown() {
        #expect(
            keys("\u{1B}[99~a\u{1B}[?1;2cb\u{1B}xc\u{1B}OPd") == [
                .text("a"), .text("b"), .text("c"), .text("d"),
            ])
        #expect(keys("\u{1B}[1\u{01}a") == [.home, .text("a")])
        var decoder = KeyDecoder()
        #expect(decoder.decode([0x1B]).isEmpty && decoder.isInSequence)
        #expect(decoder.endSequence() == [.escape] && decoder.endSequence().isEmpty)
        #expect(!decoder.isInSequence && decoder.decode(Array("[A".utf8)) == [.text("[A")])
    }

    @Test("A paste is one key; its line breaks are line feeds, and it ends only at its mark")
    func paste() {
        #expect(keys("\u{1B}[200~a\r\nb\rc\nd\u{1B}[201~\r") == [.paste("a\nb\nc\nd"), .enter])
        #expect(keys("\u{1B}[200~a\u{1B}[Ab\u{1B}[201~") == [.paste("a\u{1B}[Ab")])
        let long = String(repeating: "日本 ", count: 50_000)
        #expect(keys("\u{1B}[200~" + long + "\u{1B}[201~x") == [.paste(long), .text("x")])
        #expect(keys("\u{1B}[200~never ended\u{03}") == [.paste("never ended"), .interrupt])
    }

    @Test("Cut anywhere, the keys are the same")
    func cut() {
        let bytes = Array("é\u{1B}[1;5D日\u{1B}[200~x\ry\u{1B}[\u{1B}[201~\u{1B}\r\u{1F600}\u{1B}OA".utf8)
        func joined(_ keys: [TypedKey]) -> [TypedKey] {
            keys.reduce(into: []) { all, key in
                if case .text(let more) = key, case .text(let before)? = all.last {
                    all[all.count - 1] = .text(before + more)
                } else {
                    all.append(key)
                }
            }
        }
        var whole = KeyDecoder()
        let expected = whole.decode(bytes)
        for size in 1...bytes.count {
            var decoder = KeyDecoder()
            let keys = stride(from: 0, to: bytes.count, by: size).flatMap {
                decoder.decode(bytes[$0..<min($0 + size, bytes.count)])
            }
            #expect(joined(keys) == joined(expected), "\(size)")
        }
    }

    @Test("Bytes that are no UTF-8 are shown as such and stop nothing")
    func invalid() {
        var decoder = KeyDecoder()
        #expect(decoder.decode([0x61, 0xFF, 0x62, 0x0D]) == [.text("a\u{FFFD}b"), .enter])
        #expect(decoder.decode([0xE6, 0x97, 0x0D]) == [.text("\u{FFFD}"), .enter])
    }
}
