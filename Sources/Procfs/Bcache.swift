// Files of bcache in sysfs that hold more than one value. See Documentation/admin-guide/bcache.rst.

package import Bytes

/// bdev<n>/writeback_rate_debug: how the rate at which dirty data is written back comes about.
///
///     rate:           1.1M/sec
///     dirty:          20.4G
///     target:         20.4G
///     proportional:   427.5k
///     integral:       -790.0k
///     change:         321.5k/sec
///     next io:        17ms
///
/// Rates are in bytes a second. Before Linux 4.16 there was a `derivative` in the place of `integral`.
package enum BcacheWriteback {
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        var list = FieldList(text)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                guard let name = text.upTo(UInt8(ascii: ":")) else { throw text.error("<name>: <number>") }
                text.skipSpaces()
                guard let value = text.humanSize() else { throw text.error("<name>: <number>") }
                list.append(.init(group: name.lowerBound..<name.lowerBound, name: name, value: value))
            }
        }
        return list
    }
}

/// cache<n>/priority_stats, as far as it is served: what the buckets of a cache are used for. The kernel sorts all
/// buckets for it.
///
///     Unused:         99%
///     Metadata:       0%
///     Average:        10473
///     Sectors per Q:  64
///     Quantiles:      [0 0 0 0 20946 …]
package struct BcachePriorities: Equatable, Sendable {
    package var unusedPercent: Double?
    package var metadataPercent: Double?

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> BcachePriorities {
        var priorities = BcachePriorities()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                if text.skip("Unused:") {
                    priorities.unusedPercent = try percent(&text)
                } else if text.skip("Metadata:") {
                    priorities.metadataPercent = try percent(&text)
                }
            }
        }
        return priorities
    }

    private static func percent(_ text: inout ByteCursor) throws(ParseError) -> Double {
        text.skipSpaces()
        guard let percent = text.unsigned(), text.skip("%") else { throw text.error("<number>%") }
        return Double(percent)
    }
}
