// Responsible for: what of a text that somebody else has written may stand in one line on a terminal or in a log. Must
// not know: who wrote it, where it is shown.

extension Unicode.Scalar {
    /// It would be a command to a terminal, break a line, or change the order in which others are read.
    package var isCommand: Bool {
        // The most common ones first, as a property costs a look-up.
        if value < 0x20 || value == 0x7F { return true }
        if value < 0x7F { return false }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }
}

extension String {
    /// It is one line and moves no cursor.
    package var isPrintable: Bool { !unicodeScalars.contains(where: \.isCommand) }

    /// This text as one line that moves no cursor: what other hosts say of themselves may hold anything. A space stands
    /// in the place of each command.
    package var printable: String {
        if isPrintable { return self }
        var text = UnicodeScalarView()
        for scalar in unicodeScalars { text.append(scalar.isCommand ? " " : scalar) }
        return String(text)
    }
}
