// /proc/zoneinfo: pages of each zone of each memory node. See proc_zoneinfo(5) and
// Documentation/mm/physical_memory.rst.
//
//     Node 0, zone      DMA
//       per-node stats
//           nr_inactive_anon 124753
//       pages free     2949
//             min      8
//             protection: (0, 1832, 63870, 63870, 63870)
//           nr_free_pages 2949
//       pagesets
//         cpu: 0
//                   count: 0

package import Bytes

package struct ZoneInfo: Equatable, Sendable {
    static let heading = "Node <N>, zone <name>"

    /// What is read; the kernel has more and renames some now and then. What counts for the whole node stands in the
    /// first of its zones.
    package static let fields: [StaticString] = [
        "min", "low", "high", "scanned", "spanned", "present", "managed", "nr_free_pages", "nr_active_anon",
        "nr_inactive_anon", "nr_isolated_anon", "nr_anon_pages", "nr_anon_transparent_hugepages", "nr_active_file",
        "nr_inactive_file", "nr_isolated_file", "nr_file_pages", "nr_slab_reclaimable", "nr_slab_unreclaimable",
        "nr_mlock_stack", "nr_kernel_stack", "nr_mapped", "nr_dirty", "nr_writeback", "nr_unevictable", "nr_shmem",
        "nr_dirtied", "nr_written", "numa_hit", "numa_miss", "numa_foreign", "numa_interleave", "numa_local",
        "numa_other",
    ]

    package var node: Int
    package var zone: String
    /// In the order of `fields`; nil for what this kernel does not tell here.
    package var values: [UInt64?] = []
    /// Pages that are kept from who could use a higher zone, by that zone.
    package var protection: [UInt64] = []

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [ZoneInfo] {
        var zones: [ZoneInfo] = []
        // Whether the lines that follow belong to the last of `zones`.
        var isInZone = false
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                if text.begins(with: "Node ") {
                    isInZone = false
                    guard let (node, zone) = text.zoneHeading() else { throw text.error(heading) }
                    let values = [UInt64?](repeating: nil, count: fields.count)
                    zones.append(ZoneInfo(node: node, zone: text.text(zone), values: values))
                    isInZone = true
                } else if isInZone {
                    try zones[zones.count - 1].line(&text)
                }
            }
        }
        guard !zones.isEmpty else { throw text.error(heading) }
        return zones
    }

    private mutating func line(_ text: inout ByteCursor) throws(ParseError) {
        text.skipSpaces()
        if text.skip("protection:") { return try addProtection(&text) }
        let name = text.word()
        // The first of a name holds: counts of CPUs that have the name of a watermark have a colon.
        guard let index = Self.fields.firstIndex(where: { text.has(name, $0) }), values[index] == nil else { return }
        values[index] = try text.column("<name> <number>")
    }

    private mutating func addProtection(_ text: inout ByteCursor) throws(ParseError) {
        let expected = "protection: (<pages>, …)"
        text.skipSpaces()
        guard text.skip("("), protection.isEmpty else { throw text.error(expected) }
        var pages: [UInt64] = []
        repeat {
            text.skipSpaces()
            guard let number = text.unsigned() else { throw text.error(expected) }
            pages.append(number)
        } while text.skip(byte: UInt8(ascii: ","))
        guard text.skip(")") else { throw text.error(expected) }
        protection = pages
    }
}

extension ByteCursor {
    /// `Node 0, zone   Normal`; nil, and the cursor stays, for another line.
    mutating func zoneHeading() -> (node: Int, zone: Range<Int>)? {
        var ahead = self
        guard ahead.skip("Node "), let node = ahead.unsigned(), node <= UInt64(ZoneInfo.highestNode),
            ahead.skip(", zone")
        else { return nil }
        ahead.skipSpaces()
        let zone = ahead.word()
        guard !zone.isEmpty else { return nil }
        self = ahead
        return (Int(node), zone)
    }
}

extension ZoneInfo {
    /// The kernel's MAX_NUMNODES is at most 1 024: a larger number is a mistake.
    package static let highestNode = 65_535
}
