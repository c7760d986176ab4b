// Responsible for: what `tandem list` tells about the models of the store; the property names are the keys of `--json` (in
// snake case). Must not know: terminals.
import ModelFile
import Sequences

/// The models of a store, sorted by name.
package struct ModelListing: Sendable, Encodable {
    /// One model. What is not known of one that cannot be used is nil.
    package struct Item: Sendable, Encodable, Equatable {
        package var name: String
        package var path: String
        package var family: String?
        package var parameters: Int?
        /// Of all tensors, as stored.
        package var fileBytes: Int?
        /// Of most matrices.
        package var type: String?
        /// Why it cannot be used; nil: it can.
        package var problem: String?
    }

    /// Where people put models of their own.
    package var folder: String
    package var models: [Item]

    /// Opens every model of `store`.
    package init(_ store: ModelStore) {
        folder = store.folder
        models = store.entries.map { Item($0) }
    }
}

extension ModelListing.Item {
    init(_ entry: ModelStore.Entry) {
        (name, path) = (entry.name, entry.path)
        do {
            let model = try Model.open(path: path)
            let summary = model.summary
            family = model.configuration.architecture.rawValue
            (parameters, fileBytes) = (summary.parameters, summary.bytes)
            let matrices = model.tensors.filter { $0.rows > 1 }
            type =
                TensorType.allCases.max { first, second in
                    matrices.count { $0.type == first } < matrices.count { $0.type == second }
                }?.name
        } catch { problem = error.description }
    }
}
