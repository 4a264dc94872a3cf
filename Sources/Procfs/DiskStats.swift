// /proc/diskstats: what was read from and written to each block device since it appeared.
//
//     254       0 vda 45207 10835 11650322 43804 20397 18260 2083024 6785 0 14688 51452 4512 0 393704 653 3386 208
//
// Major, minor, name, then 11 numbers; 15 since Linux 4.18 (discards), 17 since 5.5 (flushes). See
// Documentation/admin-guide/iostats.rst.

package import Bytes

/// One line of diskstats.
package struct DiskStats: Sendable, Equatable {
    /// The kernel's sectors are 512 bytes whatever the device says. See Documentation/block/stat.rst.
    package static let sectorBytes: UInt64 = 512

    package struct Discards: Sendable, Equatable {
        package var completed: UInt64
        package var merged: UInt64
        package var sectors: UInt64
        package var milliseconds: UInt64
    }

    package struct Flushes: Sendable, Equatable {
        package var completed: UInt64
        package var milliseconds: UInt64
    }

    package var major: UInt64
    package var minor: UInt64
    package var name: String

    package var readsCompleted: UInt64
    package var readsMerged: UInt64
    package var sectorsRead: UInt64
    package var readMilliseconds: UInt64
    package var writesCompleted: UInt64
    package var writesMerged: UInt64
    package var sectorsWritten: UInt64
    package var writeMilliseconds: UInt64
    /// Requests under way; the only number that goes down.
    package var inProgress: UInt64
    /// Time in which at least one request was under way.
    package var ioMilliseconds: UInt64
    /// The same, times the requests that were under way.
    package var weightedMilliseconds: UInt64
    package var discards: Discards?
    package var flushes: Flushes?

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [DiskStats] {
        var disks: [DiskStats] = []
        // The line of a device that was never used.
        disks.reserveCapacity(text.end / 48)
        // One array for the numbers of all lines.
        var numbers: [UInt64] = []
        numbers.reserveCapacity(17)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in disks.append(try line(&text, &numbers)) }
        }
        return disks
    }

    private static func line(_ text: inout ByteCursor, _ numbers: inout [UInt64]) throws(ParseError) -> DiskStats {
        text.skipSpaces()
        guard let major = text.unsigned() else { throw text.error("<major> <minor> <name>") }
        text.skipSpaces()
        guard let minor = text.unsigned(), text.skip(" ") else { throw text.error("<major> <minor> <name>") }
        let name = text.word()
        guard !name.isEmpty else { throw text.error("the name of a device") }
        numbers.removeAll(keepingCapacity: true)
        text.skipSpaces()
        while let number = text.unsigned() {
            numbers.append(number)
            text.skipSpaces()
        }
        // A kernel that adds numbers adds them at the end.
        guard text.isAtLineEnd, !text.isAtEnd, numbers.count >= 11 else { throw text.error("11, 15 or 17 numbers") }
        return DiskStats(
            major: major, minor: minor, name: text.text(name),
            readsCompleted: numbers[0], readsMerged: numbers[1], sectorsRead: numbers[2], readMilliseconds: numbers[3],
            writesCompleted: numbers[4], writesMerged: numbers[5], sectorsWritten: numbers[6],
            writeMilliseconds: numbers[7], inProgress: numbers[8], ioMilliseconds: numbers[9],
            weightedMilliseconds: numbers[10],
            discards: numbers.count < 15
                ? nil
                : Discards(
                    completed: numbers[11], merged: numbers[12], sectors: numbers[13], milliseconds: numbers[14]),
            flushes: numbers.count < 17 ? nil : Flushes(completed: numbers[15], milliseconds: numbers[16]))
    }
}
