// Responsible for: values that begin with a dash, such as -0.5 or "- a list", which the parser would take for flags.
// Must not know: which flags there are.

/// The command line before it is parsed.
enum Arguments {
    /// The same arguments, with what begins with a dash but can be no flag bound to the flag in front of it:
    /// `--seed -1` becomes `--seed=-1`.
    static func bound(_ arguments: [String]) -> [String] {
        var bound: [String] = []
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        for (index, argument) in arguments.enumerated() {
            if index < end, isValue(argument), let flag = bound.last, isFlag(flag) {
                bound[bound.count - 1] = flag + "=" + argument
            } else {
                bound.append(argument)
            }
        }
        return bound
    }

    private static func isFlag(_ argument: String) -> Bool {
        let isShort = argument.count == 2 && argument.first == "-" && argument.last?.isLetter == true
        return isShort
            || (argument.hasPrefix("--") && !isValue(argument) && argument.count > 2 && !argument.contains("="))
    }

    /// It begins with a dash, but no letter follows, or it has blanks where a flag has its name.
    private static func isValue(_ argument: String) -> Bool {
        guard argument.hasPrefix("-"), argument.count > 1, argument != "--" else { return false }
        if ["-inf", "-infinity", "-nan"].contains(argument.lowercased()) { return true }
        let name = argument.dropFirst(argument.hasPrefix("--") ? 2 : 1).prefix { $0 != "=" }
        return name.first?.isLetter != true || name.contains(where: \.isWhitespace)
    }
}
