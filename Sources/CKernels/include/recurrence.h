// The contract of the arithmetic of layers that carry a state from token to token; what kernels.h says on top holds here.
//
// Responsible for: gates, gated delta rules and short convolutions.
// Must not know: tensors, models, where states are kept.

#ifndef TANDEM_RECURRENCE_H
#define TANDEM_RECURRENCE_H

#include <stddef.h>

/// x[i] = x[i] / (1 + exp(-gate[i])): x times the sigmoid of the gate; silu where `gate` is x.
void tk_gate(float *x, const float *gate, size_t count);

/// What one token gives to the state of one head of a gated delta net.
typedef struct {
    const float *query;  ///< [keys]
    const float *key;    ///< [keys]
    const float *value;  ///< [values]
    float decay;         ///< what the state is multiplied by
    float beta;          ///< the share of what the state says of the key that the value replaces
    size_t keys;
} tk_delta_step;

/// One step of the gated delta rule over a state [keys][values]: each column j is a chain over i = 0..<keys, twice:
/// memory = 0; s[i][j] = s[i][j] * decay, memory = fma(key[i], s[i][j], memory);
/// change = (value[j] - memory) * beta, seen = 0; s[i][j] = fma(key[i], change, s[i][j]),
/// seen = fma(query[i], s[i][j], seen); out[j] = seen. out [values].
void tk_delta_rule(const tk_delta_step *step, float *state, float *out, size_t values);

/// out[c] = the sum over t = 0..<taps, in this order from 0, of weights[c * taps + t] * inputs[t][c]; each product and
/// each sum is rounded. An input that is NULL is left out.
void tk_short_convolution(float *out, const float *const *inputs, const float *weights, size_t taps, size_t count);

/// exp(rate * softplus(x)): softplus(x) = log(1 + exp(x)), the logarithm in double; x itself above 20.
float tk_softplus_decay(float x, float rate);

#endif
