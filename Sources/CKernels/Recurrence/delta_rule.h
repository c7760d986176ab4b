// The definitions of the recurrence's kernels, for what is left of a row after whole vectors.
//
// Responsible for: naming them.
// Must not know: instruction sets.

#ifndef TANDEM_DELTA_RULE_H
#define TANDEM_DELTA_RULE_H

#include "Levels/kernels_table.h"

void tk_portable_gate(float *x, const float *gate, size_t count);

/// The columns first ..< values of the state and of out.
void tk_portable_delta_rule(const tk_delta_step *step, float *state, float *out, size_t first, size_t values);

#endif
