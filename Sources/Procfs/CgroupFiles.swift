// Files of a control group, version 2. See Documentation/admin-guide/cgroup-v2.rst.
//
//     cpu.stat        usage_usec 8124          memory.max      max
//     cpu.max         150000 100000            io.stat         8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0

package import Bytes

/// Files of names and numbers, one to a line: cpu.stat, memory.stat, memory.events.
package enum FlatKeyed {
    /// The numbers of `names` into `values`, nil for those that are not there: kernels differ, and more so do
    /// the controllers that are switched on.
    package static func parse(
        _ text: inout ByteCursor, _ names: [StaticString], into values: inout [UInt64?]
    ) throws(ParseError) {
        values.removeAll(keepingCapacity: true)
        values.append(contentsOf: repeatElement(nil, count: names.count))
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let name = text.word()
                guard !name.isEmpty else { throw text.error("<name> <number>") }
                if let index = names.firstIndex(where: { text.has(name, $0) }) {
                    values[index] = try text.column("<name> <number>")
                }
            }
        }
    }
}

package enum CgroupLimit {
    /// nil for `max`: no limit.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> UInt64? {
        if text.skip("max") { return nil }
        return try text.column("a number or max")
    }

    /// Of cpu.max: how many CPUs the group may use, on average over its period. nil for any number.
    package static func parseCPUs(_ text: inout ByteCursor) throws(ParseError) -> Double? {
        let expected = "<microseconds or max> <microseconds>"
        if text.skip("max") { return nil }
        let quota = try text.column(expected)
        let period = try text.column(expected)
        guard period > 0 else { throw text.error(expected) }
        return Double(quota) / Double(period)
    }
}

/// What a control group read from and wrote to one device.
package struct CgroupIO: Equatable, Sendable {
    package var major: UInt64
    package var minor: UInt64
    package var readBytes: UInt64 = 0
    package var writtenBytes: UInt64 = 0
    package var reads: UInt64 = 0
    package var writes: UInt64 = 0

    package init(
        major: UInt64, minor: UInt64, readBytes: UInt64 = 0, writtenBytes: UInt64 = 0, reads: UInt64 = 0,
        writes: UInt64 = 0
    ) {
        self.major = major
        self.minor = minor
        self.readBytes = readBytes
        self.writtenBytes = writtenBytes
        self.reads = reads
        self.writes = writes
    }

    /// Of io.stat. Some kernels write devices without numbers in front of the next on the same line
    /// (`7:1 7:0 8:0 rbytes=…`): these are left out.
    package static func parse(_ text: inout ByteCursor, into devices: inout [CgroupIO]) throws(ParseError) {
        devices.removeAll(keepingCapacity: true)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                if let device = try line(&text), device.isUsed { devices.append(device) }
            }
        }
    }

    private static func line(_ text: inout ByteCursor) throws(ParseError) -> CgroupIO? {
        var device: CgroupIO?
        text.skipSpaces()
        while !text.isAtLineEnd {
            if let major = text.unsigned() {
                guard text.skip(byte: UInt8(ascii: ":")), let minor = text.unsigned(), text.isAtWordEnd else {
                    throw text.error("<major>:<minor>")
                }
                device = CgroupIO(major: major, minor: minor)
            } else {
                guard device != nil else { throw text.error("<major>:<minor> <name>=<number>…") }
                try device?.count(&text)
            }
            text.skipSpaces()
        }
        return device
    }

    private var isUsed: Bool { readBytes | writtenBytes | reads | writes != 0 }

    private mutating func count(_ text: inout ByteCursor) throws(ParseError) {
        if text.skip("rbytes=") {
            readBytes = try text.column("rbytes=<number>")
        } else if text.skip("wbytes=") {
            writtenBytes = try text.column("wbytes=<number>")
        } else if text.skip("rios=") {
            reads = try text.column("rios=<number>")
        } else if text.skip("wios=") {
            writes = try text.column("wios=<number>")
        } else {
            // Discards, and what cost models and latency targets add.
            _ = text.word()
        }
    }
}
