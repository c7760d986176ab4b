// A matrix product with its bias.
//
// Responsible for: the pair.
// Must not know: what it projects.

import CKernels

/// A weight matrix and, where the model has one, its bias.
struct Linear {
    let weight: PackedMatrix
    /// [weight.rows]
    let bias: FloatVector?

    /// out [weight.rows] of one token += bias.
    func addBias(_ out: UnsafeMutablePointer<Float>) {
        if let bias { tk_add(out, bias.values, bias.count) }
    }

    /// out [columns.count], the given ones of one token, += theirs of the bias.
    func addBias(_ out: UnsafeMutablePointer<Float>, columns: Range<Int>) {
        if let bias { tk_add(out, bias.values + columns.lowerBound, columns.count) }
    }
}
