// The queueing disciplines of network interfaces, from a dump of RTM_GETQDISC.
//
//     struct tcmsg (20 bytes: family, padding (3), interface (4), handle (4), parent (4), info (4)), then attributes:
//     TCA_KIND, TCA_STATS2 (in it TCA_STATS_BASIC, TCA_STATS_QUEUE, TCA_STATS_PKT64) and more
//
// See tc(8), rtnetlink(7), include/uapi/linux/gen_stats.h.

internal import Platform

/// One discipline, and what went through it.
package struct QueueDiscipline: Sendable, Equatable {
    private static let headerBytes = 20
    private static let root: UInt32 = 0xFFFF_FFFF  // TC_H_ROOT

    /// The number of its interface.
    package private(set) var interface: UInt32 = 0
    package private(set) var kind = ""
    /// All packets of the interface go through it; others are below it.
    package private(set) var isRoot = false
    package private(set) var bytes: UInt64 = 0
    package private(set) var packets: UInt64 = 0
    package private(set) var drops: UInt32 = 0
    package private(set) var requeues: UInt32 = 0
    package private(set) var overlimits: UInt32 = 0
    /// Packets, and their bytes, that wait.
    package private(set) var queueLength: UInt32 = 0
    package private(set) var backlogBytes: UInt32 = 0

    /// The disciplines of all interfaces.
    package static let request: NetlinkRequest = {
        var request = NetlinkRequest("RTM_GETQDISC", type: 38, .dump)
        request.append(zeros: headerBytes)
        return request
    }()

    /// Calls `body` with each discipline of one datagram.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, _ body: (QueueDiscipline) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(36, sequence: sequence, in: bytes, count: count) {  // RTM_NEWQDISC
            message throws(NetlinkError) in
            guard message.count >= headerBytes else { throw .malformed(offset: message.lowerBound) }
            var discipline = QueueDiscipline()
            discipline.interface = bytes.native32(at: message.lowerBound + 4)
            discipline.isRoot = bytes.native32(at: message.lowerBound + 12) == root
            let attributes = message.lowerBound + headerBytes..<message.upperBound
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                switch type {
                case 1: discipline.kind = bytes.text(upToZeroIn: value)  // TCA_KIND
                case 7: try discipline.takeStatistics(bytes, value)  // TCA_STATS2
                default: break
                }
            }
            if !discipline.kind.isEmpty { body(discipline) }
        }
    }

    private mutating func takeStatistics(_ source: [UInt8], _ range: Range<Int>) throws(NetlinkError) {
        var manyPackets: UInt64?
        try NetlinkDump.forEachAttribute(in: source, range) { type, value throws(NetlinkError) in
            switch type {
            case 1:  // TCA_STATS_BASIC
                guard value.count >= 12 else { throw .malformed(offset: value.lowerBound) }
                bytes = source.native64(at: value.lowerBound)
                packets = UInt64(source.native32(at: value.lowerBound + 8))
            case 3:  // TCA_STATS_QUEUE
                guard value.count >= 20 else { throw .malformed(offset: value.lowerBound) }
                queueLength = source.native32(at: value.lowerBound)
                backlogBytes = source.native32(at: value.lowerBound + 4)
                drops = source.native32(at: value.lowerBound + 8)
                requeues = source.native32(at: value.lowerBound + 12)
                overlimits = source.native32(at: value.lowerBound + 16)
            case 8: manyPackets = try source.number64(value)  // TCA_STATS_PKT64, when 32 bits do not hold them
            default: break
            }
        }
        if let manyPackets { packets = manyPackets }
    }
}
