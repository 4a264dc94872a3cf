// /proc/net/rpc/nfs and /proc/net/rpc/nfsd: what the NFS client and server counted, lines of a word and numbers.
// See rpc_proc_show in net/sunrpc/stats.c, nfsd_show in fs/nfsd/stats.c, and nfsstat(8).
//
//     net 18628 0 18628 6                        packets, of UDP, of TCP, connections
//     rpc 4329785 0 4338291                      calls; then of the client: sent again, credentials refreshed
//     proc4 61 1 4084749 29200 94754 …           how many numbers follow, then the calls of each procedure
//
// Only the server has these:
//
//     rc 0 6 18622                               reply cache: hits, misses, not cached
//     fh 0 0 0 0 0                               file handles: stale
//     io 157286400 72864                         bytes read and written
//     th 8 0 0.000 …                             threads
//     ra 32 0 0 0 0 0 0 0 0 0 0 0                read-ahead cache: size, ten parts of hits, not found; 0 since 5.4
//     rpc 18628 3 1 0 2                          calls, bad calls: all, format, credentials, client
//     proc4ops 72 0 0 0 1098 2 …                 how many numbers follow, then each operation of NFSv4
//     wdeleg_getattr 16                          GETATTR calls that met a write delegation; newer kernels

package import Bytes

package struct RPCStats: Sendable, Equatable {
    /// The first words of the lines, with the numbers that each has at least.
    package enum Line: String, CaseIterable, Sendable {
        case net, rpc, rc, fh, io, th, ra
        case proc2, proc3, proc4, proc4ops
        case wdelegGetattr = "wdeleg_getattr"

        fileprivate var leastCount: Int {
            switch self {
            case .net: 4
            case .rpc, .rc: 3
            case .io: 2
            case .ra: 12
            case .fh, .th, .wdelegGetattr: 1
            // The number of procedures; a kernel knows those of its time.
            case .proc2, .proc3, .proc4, .proc4ops: 0
            }
        }

        fileprivate var hasCount: Bool {
            switch self {
            case .proc2, .proc3, .proc4, .proc4ops: true
            default: false
            }
        }
    }

    private var numbers: [UInt64] = []
    private var ranges: [Line: Range<Int>] = [:]

    /// The number at `index`, without that which says how many follow. 0 when this kernel does not count it: what it
    /// does not know never happened.
    package subscript(_ line: Line, _ index: Int) -> UInt64 {
        guard let range = ranges[line], index < range.count else { return 0 }
        return numbers[range.lowerBound + index]
    }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> RPCStats {
        var stats = RPCStats()
        stats.numbers.reserveCapacity(text.end / 2)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let word = text.word()
                guard !word.isEmpty else { throw text.error("<name> <number>…") }
                // A newer kernel may have lines that we do not know.
                if let line = Line(rawValue: text.text(word)) { try stats.read(line, &text) }
            }
        }
        guard !stats.ranges.isEmpty else { throw text.error("lines such as net <number>…") }
        return stats
    }

    private mutating func read(_ line: Line, _ text: inout ByteCursor) throws(ParseError) {
        let start = numbers.count
        var announced: UInt64?
        text.skipSpaces()
        while !text.isAtLineEnd {
            guard let number = text.unsigned() else { throw text.error("\(line.rawValue) <number>…") }
            // `th` ends with ten fractions, which the kernel no longer counts.
            if text.next == UInt8(ascii: ".") { _ = text.word() }
            guard text.isAtWordEnd else { throw text.error("\(line.rawValue) <number>…") }
            if line.hasCount, announced == nil { announced = number } else { numbers.append(number) }
            text.skipSpaces()
        }
        let count = numbers.count - start
        guard !line.hasCount || announced == UInt64(count), count >= line.leastCount else {
            throw text.error("\(line.rawValue) with all its numbers")
        }
        ranges[line] = start..<numbers.count
    }
}
