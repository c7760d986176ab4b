// Responsible for: a model's configuration as names and values for people, whatever fields a configuration has.
// Must not know: what the fields mean, terminals.
import ModelFile

extension ModelReport {
    /// Name and value of every field of the configuration that has one, in the order of its declaration: "layerCount"
    /// is "layer count", and the fields of a value that has some stand one each behind it.
    package var configurationFacts: [(name: String, value: String)] {
        Self.facts(of: configuration, under: "")
    }

    /// Name and value of every sampling parameter that the author recommends.
    package var samplingFacts: [(name: String, value: String)] { Self.facts(of: recommendedSampling, under: "") }

    /// The same of any value, each name behind `prefix`.
    static func facts(of value: Any, under prefix: String) -> [(name: String, value: String)] {
        Mirror(reflecting: value).children.flatMap { child -> [(name: String, value: String)] in
            let name = prefix + words(child.label ?? "")
            guard let value = unwrapped(child.value) else { return [] }
            let mirror = Mirror(reflecting: value)
            switch mirror.displayStyle {
            case .struct where !mirror.children.isEmpty: return facts(of: value, under: name + " ")
            case .enum:
                // The payload of a case is its only child, labelled with the case's name.
                guard let payload = mirror.children.first, let label = payload.label else {
                    return [(name, "\(value)")]
                }
                let inner = Mirror(reflecting: payload.value)
                if inner.displayStyle == .struct {
                    return [(name, words(label))] + facts(of: payload.value, under: words(label) + " ")
                }
                return [(name, "\(words(label)) (\(text(payload.value)))")]
            default: return [(name, text(value))]
            }
        }
    }

    private static func unwrapped(_ value: Any) -> Any? {
        let mirror = Mirror(reflecting: value)
        return mirror.displayStyle == .optional ? mirror.children.first?.value : value
    }

    /// Values of a tuple with their labels; of a long array its ends.
    private static func text(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .tuple:
            return mirror.children.map { child in
                let label = child.label.map { $0.hasPrefix(".") ? "" : words($0) + " " } ?? ""
                return label + (unwrapped(child.value).map(text) ?? "none")
            }.joined(separator: ", ")
        case .collection where mirror.children.count > 4:
            let values = mirror.children.map { "\($0.value)" }
            return "\(values.count) values, \(values[0]), \(values[1]) ... \(values[values.count - 1])"
        default:
            if let flag = value as? Bool { return flag ? "yes" : "no" }
            return "\(value)"
        }
    }

    /// "keyValueHeadCount" as "key value head count".
    private static func words(_ label: String) -> String {
        label.reduce(into: "") { $0 += $1.isUppercase ? " " + $1.lowercased() : String($1) }
    }
}
