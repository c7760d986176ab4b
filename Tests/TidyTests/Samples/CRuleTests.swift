// The rules of C are shown samples that break them and samples that only look so.
import Testing

@Suite("The rules of C find what they look for") struct CRuleTests {
    private func file(_ text: String, _ path: String = "Sources/CKernels/Rows/sample.c") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test("A file of 401 lines is too long, one of 400 is not, one in Swift is not asked")
    func fileLength() {
        let line = "//\n"
        #expect(CLengthRule.check(file(String(repeating: line, count: 401))).count == 1)
        #expect(CLengthRule.check(file(String(repeating: line, count: 401), "Sources/CKernels/include/a.h")).count == 1)
        #expect(CLengthRule.check(file(String(repeating: line, count: 400))).isEmpty)
        #expect(CLengthRule.check(file(String(repeating: line, count: 401), "Sources/Node/A.swift")).isEmpty)
    }

    @Test("A function of 71 lines is too long, one of 70 is not, and so is a macro")
    func functionLength() {
        func function(_ lines: Int) -> String {
            "int before;\nstatic int f(\n    int a, void (*b)(int)) {" + String(repeating: "\n", count: lines - 2)
                + "}\n"
        }
        func macro(_ lines: Int) -> String {
            "#define M(a) \\\n" + String(repeating: "a \\\n", count: lines - 2) + "a\n"
        }
        #expect(CLengthRule.check(file(function(71))).map(\.line) == [2])
        #expect(CLengthRule.check(file(function(70))).isEmpty)
        #expect(CLengthRule.check(file(macro(71))).map(\.line) == [1])
        #expect(CLengthRule.check(file(macro(70))).isEmpty)
    }

    @Test("Functions and macros are found with their lines; types, tables, comments and strings are not taken for them")
    func pieces() {
        let text = #"""
            // f() {
            #include <a.h>
            #define ONE f() {
            #define TWO(a) \
                f(a) {
            typedef struct {
                int (*member)(int);
            } type;
            static const int table[] = {1, 2};
            EACH(first)

            /// Returns "{".
            __attribute__((swiftcall)) static char f(int a) {
                /* } */ if (a) { return '{'; }
                return "}\"{"[0];
            }
            int declared(int a);
            int g(
                type a,
                type b) { return ((a)); }
            """#
        let found = CLengthRule.pieces(of: file(text).lines)
        #expect(
            found == [
                .init(name: "TWO", line: 4, lines: 2), .init(name: "f", line: 13, lines: 4),
                .init(name: "g", line: 18, lines: 3),
            ])
    }
}
