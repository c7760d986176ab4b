// Responsible for: which endpoints a worker may ask others to connect to. Must not know: sockets, resolvers.

/// The text of an endpoint that names one host by its address, so that nobody has to ask a resolver for another's sake:
/// tcp://192.0.2.3:7080 or tcp://[2001:db8::3]:7080.
enum DataEndpoint {
    /// What is wrong with it, as a sentence; nil: nothing.
    static func problem(with text: String) -> String? {
        guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else {
            return "it is not tcp://ADDRESS:PORT"
        }
        let host = text.dropFirst(6)
        let digits = text[text.index(after: colon)...]
        guard colon >= host.startIndex, digits.utf8.allSatisfy(isDigit), let port = UInt16(digits), port > 0 else {
            return "its port is not a number from 1 to 65535"
        }
        let address = text[host.startIndex..<colon]
        if address.first == "[", address.last == "]" {
            return isIPv6(address.dropFirst().dropLast()) ? nil : "its host is not an address that others can reach"
        }
        return isIPv4(address) ? nil : "its host is not an address that others can reach"
    }

    /// What comes before the port.
    static func host(of text: String) -> Substring { text[..<(text.lastIndex(of: ":") ?? text.endIndex)] }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Four numbers; not the one that means every address, and none of many hosts.
    private static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return false }
        let bytes = parts.compactMap { part in
            part.utf8.allSatisfy(isDigit) ? UInt8(part) : nil
        }
        return bytes.count == 4 && (1...223).contains(bytes[0])
    }

    /// Groups of hexadecimal digits, with one gap at most, and perhaps a zone; not the one that means every address.
    private static func isIPv6(_ text: Substring) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, address.utf8.count <= 45, address.contains(":"),
            parts.count == 1 || isZone(parts[1])
        else { return false }
        let groups = address.split(separator: ":", omittingEmptySubsequences: false)
        let areGroups = groups.enumerated().allSatisfy { index, group in
            (index == groups.count - 1 && isIPv4(group)) || group.utf8.count <= 4 && group.allSatisfy(\.isHexDigit)
        }
        let isMulticast = address.lowercased().hasPrefix("ff")
        return areGroups && groups.count <= 9 && !isMulticast && address.contains { $0 != ":" && $0 != "0" }
    }

    private static func isZone(_ text: Substring) -> Bool {
        (1...16).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "]") }
    }
}
