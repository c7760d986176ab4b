// The sizes of keys and values in a KV block.
//
// Responsible for: the layout that `tk_kv_block_bytes` of kernels.h describes.
// Must not know: instruction sets, queries.

#ifndef TANDEM_KEYS_VALUES_H
#define TANDEM_KEYS_VALUES_H

#include "kernels.h"

/// Scales of a head's key or value in Q8_0.
static inline size_t tk_kv_scales(size_t head_size) {
    return (head_size + 31) / 32;
}

/// Bytes of the keys, or the values, of one KV head in a block.
static inline size_t tk_kv_head_bytes(tk_kv_type type, size_t head_size) {
    switch (type) {
    case TK_KV_F32: return 4 * TK_KV_BLOCK * head_size;
    case TK_KV_F16: return 2 * TK_KV_BLOCK * head_size;
    default: return TK_KV_BLOCK * (head_size + 2 * tk_kv_scales(head_size));
    }
}

#endif
