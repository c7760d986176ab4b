// Gated delta rules and what stands before them: the definition in plain C, and what needs no vectors.
//
// Responsible for: the results of `tk_gate`, `tk_delta_rule`, `tk_short_convolution` and `tk_softplus_decay`. Written to be
// read; the first two are what each SIMD variant reproduces bit for bit.
// Must not know: where states and inputs are kept, instruction sets.

#include "Recurrence/delta_rule.h"

void tk_portable_gate(float *x, const float *gate, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float power = -gate[i];
        tk_kernels_portable.exp(&power, 1, 0);
        x[i] = x[i] / (1.0f + power);
    }
}

void tk_portable_delta_rule(const tk_delta_step *step, float *state, float *out, size_t first, size_t values) {
    for (size_t j = first; j < values; j++) {
        float memory = 0, seen = 0;
        for (size_t i = 0; i < step->keys; i++) {
            const float decayed = state[i * values + j] * step->decay;
            state[i * values + j] = decayed;
            memory = __builtin_fmaf(step->key[i], decayed, memory);
        }
        const float change = (step->value[j] - memory) * step->beta;
        for (size_t i = 0; i < step->keys; i++) {
            const float next = __builtin_fmaf(step->key[i], change, state[i * values + j]);
            state[i * values + j] = next;
            seen = __builtin_fmaf(step->query[i], next, seen);
        }
        out[j] = seen;
    }
}

void tk_gate(float *x, const float *gate, size_t count) {
    tk_current_kernels()->gate(x, gate, count);
}

void tk_delta_rule(const tk_delta_step *step, float *state, float *out, size_t values) {
    tk_current_kernels()->delta_rule(step, state, out, 0, values);
}

void tk_short_convolution(
    float *out, const float *const *inputs, const float *weights, size_t taps, size_t count) {
    for (size_t c = 0; c < count; c++) out[c] = 0;
    for (size_t t = 0; t < taps; t++) {
        if (inputs[t] == NULL) continue;
        for (size_t c = 0; c < count; c++) out[c] += weights[c * taps + t] * inputs[t][c];
    }
}

float tk_softplus_decay(float x, float rate) {
    float softplus = x;
    if (!(x > 20)) {
        float power = x;
        tk_exp(&power, 1, 0);
        softplus = (float)tk_log(1.0 + (double)power);
    }
    float decay = rate * softplus;
    tk_exp(&decay, 1, 0);
    return decay;
}
