// /proc/<pid>/mountstats: all mounts, and what NFS counted for each of its own. See show_vfsstat in
// fs/proc_namespace.c, nfs_show_stats in fs/nfs/super.c, rpc_clnt_show_stats in net/sunrpc/stats.c, and mountstats(8).
//
//     device proc mounted on /proc with fstype proc
//     device nas:/export mounted on /mnt/nas with fstype nfs4 statvers=1.1
//         opts:   rw,vers=4.2,rsize=1048576,…
//         age:    13968
//         events: 52 226 0 0 1 13 398 0 0 331 0 47 0 0 77 0 0 77 0 0 0 0 0 0 0 0 0
//         bytes:  1207640230 0 0 0 1210214218 0 295483 0
//         RPC iostats version: 1.1  p/v: 100003/4 (nfs)
//         xprt:   tcp 832 0 1 0 11 6428 6428 0 12154 0 24 26 5726
//         per-op statistics
//             NULL: 1 1 0 44 24 0 0 0 0
//             READ: 1298 1298 0 207680 1210292152 6 79386 79407 0
//
// The lines of a mount begin with a tab. `nconnect` makes several transports. What the server says of itself stands in
// `impl_id` as it came, with line ends if it likes:
//
//         impl_id:        name='…',domain='…',date='0,0'

package import Bytes

/// One NFS mount. What the kernel is too old to count is 0.
package struct NFSMount: Sendable, Equatable {
    /// Changes of the cache and calls of the VFS: as many as the newest kernel has; before pNFS, two fewer.
    package static let eventCount = 27
    package static let byteCounterCount = 8
    /// Two names of a kilobyte (NFS4_OPAQUE_LIMIT) and what stands around them.
    private static let implementationLimit = 4 << 10

    /// A connection to the server; the queues are sums of their lengths, one for each request.
    package struct Transport: Sendable, Equatable {
        /// `tcp`, `udp`, `rdma`, `local`.
        package var proto: String
        package var binds: UInt64 = 0
        package var connects: UInt64 = 0
        package var idleSeconds: UInt64 = 0
        package var sends: UInt64 = 0
        package var receives: UInt64 = 0
        package var badTransactions: UInt64 = 0
        package var backlogQueue: UInt64 = 0
        // Since version 1.1 of the statistics, and not for RDMA.
        package var maximumSlots: UInt64 = 0
        package var sendingQueue: UInt64 = 0
        package var pendingQueue: UInt64 = 0
    }

    /// One procedure; times are added up, and those of old kernels may have run below 0, which is huge here.
    package struct Operation: Sendable, Equatable {
        package var name: String
        package var requests: UInt64 = 0
        package var transmissions: UInt64 = 0
        package var majorTimeouts: UInt64 = 0
        package var bytesSent: UInt64 = 0
        package var bytesReceived: UInt64 = 0
        package var queueMilliseconds: UInt64 = 0
        package var responseMilliseconds: UInt64 = 0
        package var requestMilliseconds: UInt64 = 0
    }

    package var export: String
    package var mountPoint: Path
    package var ageSeconds: UInt64 = 0
    /// In the order of enum nfs_stat_eventcounters.
    package var events: [UInt64] = []
    /// In the order of enum nfs_stat_bytecounters; the last two are pages.
    package var bytes: [UInt64] = []
    package var transports: [Transport] = []
    package var operations: [Operation] = []

    /// The NFS mounts in the order of the file.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [NFSMount] {
        var mounts: [NFSMount] = []
        while !text.isAtEnd {
            // There are mounts without a device, and empty lines.
            guard text.begins(with: "device ") else {
                text.skipToNextLine()
                continue
            }
            text.row { text throws(ParseError) in
                if let mount = try mount(&text) { mounts.append(mount) }
            }
        }
        return mounts
    }

    /// nil for one that is not NFS's.
    private static func mount(_ text: inout ByteCursor) throws(ParseError) -> NFSMount? {
        _ = text.skip("device ")
        let export = text.word()
        guard text.skip(" mounted on ") else { throw text.error("device <source> mounted on <path>") }
        let mountPoint = text.word()
        guard text.skip(" with fstype ") else { throw text.error("with fstype <type>") }
        let type = text.word()
        guard text.has(type, "nfs") || text.has(type, "nfs4"), text.skip(" statvers=") else { return nil }
        text.skipToNextLine()
        var mount = NFSMount(export: Mount.unescaped(text, export), mountPoint: Mount.unescapedPath(text, mountPoint))
        while !text.isAtEnd, !text.begins(with: "device "), !text.begins(with: "no device ") {
            if text.skip("\tper-op statistics") {
                text.skipToNextLine()
                mount.readOperations(&text)
            } else {
                try mount.readStatistics(&text)
            }
        }
        guard !mount.events.isEmpty, !mount.bytes.isEmpty else {
            throw text.error("events: and bytes: of an NFS mount")
        }
        while mount.events.count < Self.eventCount { mount.events.append(0) }
        return mount
    }

    /// One line, and its end.
    private mutating func readStatistics(_ text: inout ByteCursor) throws(ParseError) {
        text.skipSpaces()
        if text.skip("xprt:") {
            return text.row { text throws(ParseError) in transports.append(try Self.transport(&text)) }
        }
        if text.skip("age:") {
            ageSeconds = try Self.numbers(&text, atLeast: 1)[0]
        } else if text.skip("impl_id:") {
            Self.skipImplementation(&text)
        } else if text.skip("events:") {
            // Newer kernels have two more, of pNFS.
            events = try Self.numbers(&text, atLeast: Self.eventCount - 2)
        } else if text.skip("bytes:") {
            bytes = try Self.numbers(&text, atLeast: Self.byteCounterCount)
        }
        text.skipToNextLine()
    }

    /// To the end of what the server has said of itself. That is where the kernel goes on: its date, which ends the
    /// line, and the capabilities on the next. Where neither follows, it is a line like any other.
    private static func skipImplementation(_ text: inout ByteCursor) {
        var ahead = text
        while !ahead.isAtEnd, ahead.index - text.index < implementationLimit {
            ahead.skipToLineEnd()
            let isEnd = ahead.index > 0 && ahead.bytes[ahead.index - 1] == UInt8(ascii: "'")
            ahead.skipToNextLine()
            guard isEnd, ahead.begins(with: "\tcaps:") else { continue }
            text = ahead
            return
        }
    }

    /// The lines that begin with a tab: the last of a mount.
    private mutating func readOperations(_ text: inout ByteCursor) {
        while text.next == UInt8(ascii: "\t") {
            text.row { text throws(ParseError) in
                text.skipSpaces()
                operations.append(try Self.operation(&text))
            }
        }
    }

    private static func operation(_ text: inout ByteCursor) throws(ParseError) -> Operation {
        guard let name = text.upTo(UInt8(ascii: ":")), !name.isEmpty else { throw text.error("<operation>: …") }
        return Operation(
            name: text.text(name),
            requests: try number(&text), transmissions: try number(&text), majorTimeouts: try number(&text),
            bytesSent: try number(&text), bytesReceived: try number(&text), queueMilliseconds: try number(&text),
            responseMilliseconds: try number(&text), requestMilliseconds: try number(&text))
    }

    private static func transport(_ text: inout ByteCursor) throws(ParseError) -> Transport {
        text.skipSpaces()
        let word = text.word()
        guard !word.isEmpty else { throw text.error("xprt: <protocol> <number>…") }
        var transport = Transport(proto: text.text(word))
        var fields = try numbers(&text, atLeast: 7)
        // No connections, and thus no time without one.
        if transport.proto == "udp" { fields.insert(contentsOf: [0, 0, 0], at: 2) }
        guard fields.count >= 10 else { throw text.error("xprt: \(transport.proto) and 10 numbers") }
        transport.binds = fields[1]
        transport.connects = fields[2]
        transport.idleSeconds = fields[4]
        transport.sends = fields[5]
        transport.receives = fields[6]
        transport.badTransactions = fields[7]
        transport.backlogQueue = fields[9]
        // RDMA has numbers of its own there.
        if transport.proto != "rdma", fields.count >= 13 {
            transport.maximumSlots = fields[10]
            transport.sendingQueue = fields[11]
            transport.pendingQueue = fields[12]
        }
        return transport
    }

    /// The rest of the line.
    private static func numbers(_ text: inout ByteCursor, atLeast count: Int) throws(ParseError) -> [UInt64] {
        var numbers: [UInt64] = []
        numbers.reserveCapacity(eventCount)
        text.skipSpaces()
        while !text.isAtLineEnd {
            numbers.append(try number(&text))
            text.skipSpaces()
        }
        guard numbers.count >= count else { throw text.error("\(count) numbers") }
        return numbers
    }

    /// Kernels write some of them with a sign, others write what is negative as a huge number: one is taken for the
    /// other.
    private static func number(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        text.skipSpaces()
        if text.next != UInt8(ascii: "-") { return try text.column("a number") }
        return UInt64(bitPattern: try text.signedColumn("a number"))
    }
}
