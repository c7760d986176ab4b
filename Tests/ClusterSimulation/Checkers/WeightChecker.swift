// Responsible for: a stage computes with every byte of its layers, and each is right. Must not know: how weights are
// fetched, where they are kept.

import Wire

/// What workers ask for and load, held against the model's own bytes.
enum WeightChecker {
    /// Weights come only of a stage's own layers, in pieces of an allowed size.
    static func violation(_ fetch: Fetch, of assign: Assign, chunkBytes: Int) -> String? {
        let isOwn = ToyWeights.layers[assign.layers].contains { $0.contains { $0.content == fetch.content } }
        guard isOwn, let tensor = ToyWeights.tensor(fetch.content) else {
            return "weights are asked for that are not of layers \(assign.layers)"
        }
        let end = fetch.offset + UInt64(max(0, fetch.length))
        if fetch.length < 1 || fetch.length > chunkBytes || end > UInt64(tensor.bytes.count) {
            return "bytes \(fetch.offset)..<\(end) are asked for of a tensor of \(tensor.bytes.count)"
        }
        return nil
    }

    /// `loaded`: [layers of the stage, tensors of a layer] the bytes it will compute with.
    static func violation(_ loaded: [[[UInt8]]], _ assign: Assign) -> String? {
        for (layer, tensors) in zip(assign.layers, loaded) {
            for (tensor, right) in zip(tensors, ToyWeights.layers[layer]) where tensor != right.bytes {
                return
                    "layer \(layer) is loaded with \(tensor.count) bytes that are not the \(right.bytes.count) of the model"
            }
        }
        return loaded.count == assign.layers.count ? nil : "\(loaded.count) layers are loaded of \(assign.layers)"
    }

    /// What a worker says that its load moved must make up all of its layers.
    static func violation(_ ready: Ready, _ assign: Assign) -> String? {
        // Each content once.
        let sizes = ToyWeights.layers[assign.layers].joined().map { ($0.content, $0.bytes.count) }
        let total = Dictionary(sizes, uniquingKeysWith: { first, _ in first }).values.reduce(0, +)
        let moved = ready.transferredBytes + ready.cachedBytes
        return moved >= UInt64(total) ? nil : "a load of \(total) bytes moved \(moved)"
    }
}
