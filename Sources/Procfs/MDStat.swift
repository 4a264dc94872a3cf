// /proc/mdstat: the arrays of the md driver (software RAID). See md_seq_show and status_resync in drivers/md/md.c, and
// Documentation/admin-guide/md.rst.
//
//     Personalities : [raid1] [raid6] [raid5] [raid4]
//     md1 : active raid5 sdd1[3] sdc1[2](F) sdb1[1] sda1[0]
//           5860268032 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
//           [==>..................]  recovery = 12.6% (369210880/2930134016) finish=127.5min speed=33440K/sec
//           bitmap: 3/22 pages [12KB], 65536KB chunk
//
//     md2 : inactive sde1[0](S)
//           1953381376 blocks super 1.2
//
//     unused devices: <none>

package import Bytes

/// One array.
package struct MDStat: Equatable, Sendable {
    package enum Activity: Sendable {
        case active, inactive
        /// So many disks are missing that it takes no writes, or cannot be read; the kernel still runs it.
        case broken
        /// Active, and at work on its redundancy.
        case recovering, resyncing, checking, reshaping
        /// What a later kernel may say.
        case other
    }

    package var name: String
    package var activity: Activity
    /// Disks of a complete array; 0 for one that is not running.
    package var disksRequired: UInt64 = 0
    /// Those of them that work.
    package var disksActive: UInt64 = 0
    package var disksFailed: UInt64 = 0
    package var disksSpare: UInt64 = 0
    /// Of 1 KiB.
    package var blocks: UInt64 = 0
    /// Where a recovery, resync, check or reshape is, in blocks of what it goes through; all blocks when there is none.
    package var blocksSynced: UInt64 = 0

    /// All arrays, in the order of the file.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [MDStat] {
        var arrays: [MDStat] = []
        while !text.isAtEnd {
            if text.isAtLineEnd || text.next == UInt8(ascii: " ") || text.next == UInt8(ascii: "\t")
                || text.skip("Personalities :") || text.skip("unused devices:")
            {
                text.skipToNextLine()
            } else {
                text.row { text throws(ParseError) in arrays.append(try array(&text)) }
            }
        }
        return arrays
    }

    private static let activities: [(word: StaticString, activity: Activity)] = [
        ("active", .active), ("inactive", .inactive), ("broken", .broken),
    ]

    private static func array(_ text: inout ByteCursor) throws(ParseError) -> MDStat {
        let name = text.word()
        guard !name.isEmpty, text.skip(" : ") else { throw text.error("<array> : <state>") }
        let state = text.word()
        let activity = Self.activities.first { text.has(state, $0.word) }?.activity ?? .other
        let isRunning = activity == .active || activity == .broken
        var array = MDStat(name: text.text(name), activity: activity)
        var firstLine = text
        let isWithoutRedundancy = array.readDisks(&text)
        if !isRunning || !isWithoutRedundancy { (array.disksRequired, array.disksActive) = (0, 0) }
        text.skipToNextLine()
        var hasBlocks = false
        var synced: UInt64?
        while let byte = text.next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
            text.skipSpaces()
            if let blocks = text.unsigned(), text.skip(" blocks") {
                array.blocks = blocks
                hasBlocks = true
                if isRunning, !isWithoutRedundancy { try array.readWorking(&text) }
            } else if !text.skip("bitmap:") {
                synced = try array.readProgress(&text) ?? synced
            }
            text.skipToNextLine()
        }
        // One that has lost all its disks has no line of blocks, and the rest of that line behind the first.
        if !hasBlocks, isRunning {
            (array.disksFailed, array.disksSpare) = (0, 0)
            try array.readWorking(&firstLine)
        }
        array.blocksSynced = synced ?? array.blocks
        return array
    }

    /// The rest of the first line. Returns whether all disks are needed and there is nothing to repair them from: such
    /// an array does not say how many it has, so they are counted.
    private mutating func readDisks(_ text: inout ByteCursor) -> Bool {
        var isWithoutRedundancy = false
        text.skipSpaces()
        while !text.isAtLineEnd {
            let word = text.word()
            text.skipSpaces()
            let bytes = text.bytes[word]
            if text.has(word, "raid0") || text.has(word, "linear") || text.has(word, "faulty") {
                isWithoutRedundancy = true
            } else if let bracket = bytes.firstIndex(of: UInt8(ascii: "[")) {
                disksRequired += 1
                disksActive += 1
                let flags = bytes[bracket...]
                if Self.has(flags, UInt8(ascii: "F")) { disksFailed += 1 }
                if Self.has(flags, UInt8(ascii: "S")) { disksSpare += 1 }
            }
        }
        return isWithoutRedundancy
    }

    /// A flag stands in parentheses after the number of the disk: `sdc1[2](F)`.
    private static func has(_ flags: ArraySlice<UInt8>, _ flag: UInt8) -> Bool {
        zip(flags, flags.dropFirst()).contains { $0 == UInt8(ascii: "(") && $1 == flag }
    }

    /// `[3/2]` on the line of the blocks: how many disks there should be, and how many work.
    private mutating func readWorking(_ text: inout ByteCursor) throws(ParseError) {
        while text.upTo(UInt8(ascii: "[")) != nil {
            guard let required = text.unsigned(), text.skip("/") else { continue }
            guard let active = text.unsigned(), text.skip("]") else { break }
            (disksRequired, disksActive) = (required, active)
            return
        }
        throw text.error("[<disks>/<working disks>]")
    }

    /// `recovery = 12.6% (369210880/2930134016)` or `resync=DELAYED`; nil when the line tells no such thing.
    private mutating func readProgress(_ text: inout ByteCursor) throws(ParseError) -> UInt64? {
        while !text.isAtLineEnd {
            if text.skip("recovery") || text.skip("recover=") {
                activity = .recovering
            } else if text.skip("resync") {
                activity = .resyncing
            } else if text.skip("check") {
                activity = .checking
            } else if text.skip("reshape") {
                activity = .reshaping
            } else {
                _ = text.word()
                text.skipSpaces()
                continue
            }
            // Waiting for its turn, or done by another host.
            guard text.upTo(UInt8(ascii: "(")) != nil else { return 0 }
            guard let done = text.unsigned(), text.skip("/") else { throw text.error("(<blocks done>/<blocks>)") }
            return done
        }
        return nil
    }
}
