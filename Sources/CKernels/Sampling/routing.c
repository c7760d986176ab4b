// How a token chooses among experts: softmax, sigmoid and the largest of a few values.
//
// Responsible for: the parts that are too small for a variant of each instruction set; they use those of the level.
// Must not know: experts, matrices.

#include "Numbers/numbers.h"
#include "kernels.h"

#include <math.h>

void tk_softmax(float *x, size_t count) {
    const float maximum = x[tk_argmax(x, count)];
    tk_exp(x, count, maximum);
    float partial[16] = {0};
    for (size_t i = 0; i < count; i++) partial[i % 16] += x[i];
    const float sum = tk_reduce(partial);
    for (size_t i = 0; i < count; i++) x[i] /= sum;
}

void tk_sigmoid(float *x, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = -x[i];
    tk_exp(x, count, 0);
    for (size_t i = 0; i < count; i++) x[i] = 1 / (1 + x[i]);
}

/// True where a (at index i) is chosen before b (at index j).
static inline int comes_first(float a, size_t i, float b, size_t j) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b) ? i < j : isnan(b);
    return a == b ? i < j : a > b;
}

void tk_choose_largest(uint32_t *chosen, size_t chosen_count, const float *x, size_t count) {
    // Each round takes the first of those that come after the one before it.
    size_t last = count;
    for (size_t k = 0; k < chosen_count; k++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (last < count && !comes_first(x[last], last, x[i], i)) continue;
            if (best == count || comes_first(x[i], i, x[best], best)) best = i;
        }
        last = best;
        size_t place = k;
        for (; place > 0 && chosen[place - 1] > best; place--) chosen[place] = chosen[place - 1];
        chosen[place] = (uint32_t)best;
    }
}
