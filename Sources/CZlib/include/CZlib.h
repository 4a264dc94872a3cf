// zlib's own header, and the macros among its functions that Swift cannot see.
#pragma once

#include <zlib.h>

/// -15: the largest window, and neither header nor trailer. At level 1, which remembers four places for each of them, half
/// the hashes are enough: see deflateInit2 in zlib.h.
static inline int czlib_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, -15, level == 1 ? 7 : 8, Z_DEFAULT_STRATEGY);
}

/// 15 + 32: zlib or gzip, told by the header.
static inline int czlib_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 32); }

/// 15 + 16: gzip alone.
static inline int czlib_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
