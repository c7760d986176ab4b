// The one error of this module: which file, which field, which value, what is wrong and what a person can do.

import Sequences

/// Why a model cannot be used. `description` is one sentence for people; `hint` says what to do where that is known.
package struct ModelFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure, for code that must tell them apart.
    package enum Code: Hashable, Sendable {
        /// No such file or folder.
        case notFound
        /// A pipe, device or folder where a file should be, or the other way round.
        case wrongFileKind
        /// This user may not open, read or write it.
        case forbidden
        /// The system refused to open or read it.
        case unreadable
        /// The system refused to write it, or there is no room.
        case unwritable
        /// A file that is to be written is there already.
        case exists
        /// The file ends before what it promises.
        case truncated
        /// The bytes are not what the format says.
        case malformed
        /// A count or size above a named limit.
        case limitExceeded
        /// A value that no sound model has.
        case invalidValue
        /// Sound, but of a kind that this program does not run.
        case unsupported
        /// A needed file, field or tensor is absent.
        case missing
        /// Two parts of the model contradict each other.
        case mismatch
        /// A name that must be unique is not.
        case duplicate
    }

    package let code: Code
    /// Path of the file, or what stands in for it.
    package let file: String
    /// The field or tensor at fault.
    package let field: String?
    /// Its value, shortened and without control characters.
    package let value: String?
    /// What is wrong, to be read after field and value.
    package let problem: String
    package let hint: Sentence?

    package init(
        _ code: Code, file: String, field: String? = nil, value: (any CustomStringConvertible)? = nil,
        _ problem: String, hint: Sentence? = nil
    ) {
        self.code = code
        self.file = file
        self.field = field.map { Self.printable($0, limit: 200) }
        self.value = value.map { Self.printable($0.description, limit: 80) }
        self.problem = problem
        self.hint = hint
    }

    /// One sentence: file, field, value, problem.
    package var description: String {
        var text = file + ": "
        switch (field, value) {
        case (let field?, let value?): text += "\(field) is \(value): "
        case (let field?, nil): text += "\(field): "
        case (nil, let value?): text += "\(value): "
        case (nil, nil): break
        }
        return text + problem
    }

    /// Text from a file made fit for a terminal: control characters become "?", long text is cut.
    static func printable(_ text: String, limit: Int) -> String {
        var result = ""
        var length = 0
        for scalar in text.unicodeScalars {
            if length == limit { return result + "..." }
            let isPlain = scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
            result.unicodeScalars.append(isPlain ? scalar : "?")
            length += 1
        }
        return result
    }
}
