// zlib's own header, and the macros among its functions that Swift cannot see.
#pragma once

#include <zlib.h>

/// 15 + 16: the largest window, with a gzip header and trailer. See deflateInit2 in zlib.h.
static inline int czlib_deflate_init_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

/// 15 + 32: zlib or gzip, told by the header.
static inline int czlib_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 32); }

/// 15 + 16: gzip alone.
static inline int czlib_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
