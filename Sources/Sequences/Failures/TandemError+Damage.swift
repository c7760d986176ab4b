// Responsible for: the failure of an answer whose values are no numbers, in the same words wherever it is found out.
// Must not know: models, stages.

extension TandemError {
    /// No token can be chosen from what was computed. `origin`: where that began, such as "the output of layer 2"; nil:
    /// nobody has looked.
    package static func notNumbers(origin: String? = nil) -> TandemError {
        let beginning = origin.map { ", beginning with \($0)" } ?? ""
        let search: Sentence =
            origin == nil ? "; `tandem run` and `tandem worker` with \(.check) name the layer where it begins" : ""
        return TandemError(
            "the values computed are not numbers\(beginning): the model file is probably damaged", kind: .internal,
            hint: "compare its checksum, or fetch it again" + search)
    }
}

extension Field {
    package static let check = Field("check")
}
