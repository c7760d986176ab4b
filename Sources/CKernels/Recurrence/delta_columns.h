// Gated delta rules for one vector width: a template over vectors_*.h, which stands before it.
//
// Responsible for: the results of delta_rule.c, bit for bit, some columns of a state at once.
// Must not know: which instructions there are, where states are kept.

#ifndef TANDEM_DELTA_COLUMNS_H
#define TANDEM_DELTA_COLUMNS_H

#include "Recurrence/delta_rule.h"
#include "Vectors/vector_math.h"

static void gate_rows(float *x, const float *gate, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store_floats(x + i, gated(load_floats(x + i), load_floats(gate + i)));
    tk_portable_gate(x + i, gate + i, count - i);
}

/// `vectors` (at most 4) vectors of columns from column j on: each lane is a chain over the rows of the state.
INLINE void delta_columns(
    const tk_delta_step *step, float *state, float *out, size_t j, size_t values, const size_t vectors) {
    floats memory[4], change[4], seen[4];
    for (size_t v = 0; v < vectors; v++) memory[v] = seen[v] = all_floats(0);
    const floats decay = all_floats(step->decay), beta = all_floats(step->beta);
    for (size_t i = 0; i < step->keys; i++) {
        const floats key = all_floats(step->key[i]);
        for (size_t v = 0; v < vectors; v++) {
            float *place = state + i * values + j + v * LANES;
            const floats decayed = load_floats(place) * decay;
            store_floats(place, decayed);
            memory[v] = multiply_add(key, decayed, memory[v]);
        }
    }
    for (size_t v = 0; v < vectors; v++) change[v] = (load_floats(step->value + j + v * LANES) - memory[v]) * beta;
    for (size_t i = 0; i < step->keys; i++) {
        const floats key = all_floats(step->key[i]), query = all_floats(step->query[i]);
        for (size_t v = 0; v < vectors; v++) {
            float *place = state + i * values + j + v * LANES;
            const floats next = multiply_add(key, change[v], load_floats(place));
            store_floats(place, next);
            seen[v] = multiply_add(query, next, seen[v]);
        }
    }
    for (size_t v = 0; v < vectors; v++) store_floats(out + j + v * LANES, seen[v]);
}

static void delta_rule(const tk_delta_step *step, float *state, float *out, size_t first, size_t values) {
    size_t j = first;
    for (; j + 4 * LANES <= values; j += 4 * LANES) delta_columns(step, state, out, j, values, 4);
    for (; j + LANES <= values; j += LANES) delta_columns(step, state, out, j, values, 1);
    tk_portable_delta_rule(step, state, out, j, values);
}

#endif
