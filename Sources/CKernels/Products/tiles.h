// How products divide tokens among tiles.
//
// Responsible for: tiles of nearly equal size.
// Must not know: what a tile holds.

#ifndef TANDEM_TILES_H
#define TANDEM_TILES_H

#include <stddef.h>

/// Splits `count` tokens into as few tiles as `limit` allows, of nearly equal size: the next one's.
static inline size_t tk_next_tile(size_t count, size_t limit) {
    const size_t tiles = (count + limit - 1) / limit;
    return (count + tiles - 1) / tiles;
}

#endif
