// What drivers of network interfaces tell by ioctl(2) SIOCETHTOOL: structures of linux/ethtool.h, as bytes.
//
//     ethtool_drvinfo:       command (4) driver (32) version (32) firmware (32) bus (32) expansion ROM (32) …
//                            number of statistics (4, at 180)
//     ethtool_gstrings:      command (4) set (4) count (4), then 32 bytes for each
//     ethtool_stats:         command (4) count (4), then 8 bytes for each
//     ethtool_link_settings: command (4) speed (4) duplex, port, address, autonegotiation (at 11) … words in a set of
//                            modes (signed, at 15) …, at 48 the sets of modes: supported, advertised, …

internal import Platform

package enum Ethtool {
    /// Numbers of a driver, by name. More than this no driver is known to have; mlx5 with 128 queues has some 6 000.
    package static let statisticLimit = 65_536

    /// A structure with the command in front and zeros behind.
    private static func request(_ command: UInt32, byteCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: command.littleEndian >> UInt32(shift)))
        }
        bytes.append(contentsOf: repeatElement(0, count: byteCount - 4))
        return bytes
    }

    package static func driverRequest() -> [UInt8] { request(0x03, byteCount: 196) }  // ETHTOOL_GDRVINFO

    package static func namesRequest(count: Int) -> [UInt8] {
        var bytes = request(0x1B, byteCount: 12 + 32 * count)  // ETHTOOL_GSTRINGS
        bytes.set32(1, at: 4)  // ETH_SS_STATS
        bytes.set32(UInt32(count), at: 8)
        return bytes
    }

    package static func statisticsRequest(count: Int) -> [UInt8] {
        var bytes = request(0x1D, byteCount: 8 + 8 * count)  // ETHTOOL_GSTATS
        bytes.set32(UInt32(count), at: 4)
        return bytes
    }

    /// `words` is how many 32-bit words the kernel's sets of modes have; with 0 it tells how many.
    package static func linkRequest(words: Int) -> [UInt8] {
        var bytes = request(0x4C, byteCount: 48 + 12 * words)  // ETHTOOL_GLINKSETTINGS
        bytes[15] = UInt8(words)
        return bytes
    }

    /// The names in an answer to `namesRequest`.
    package static func names(_ bytes: [UInt8]) -> [String] {
        guard bytes.count >= 12 else { return [] }
        let count = min(Int(bytes.native32(at: 8)), (bytes.count - 12) / 32)
        return (0..<count).map { bytes.text(upToZeroIn: 12 + 32 * $0..<44 + 32 * $0) }
    }

    /// How many numbers an answer to `statisticsRequest` has.
    package static func statisticCount(_ bytes: [UInt8]) -> Int {
        guard bytes.count >= 8 else { return 0 }
        return min(Int(bytes.native32(at: 4)), (bytes.count - 8) / 8)
    }

    package static func statistic(_ index: Int, of bytes: [UInt8]) -> UInt64 { bytes.native64(at: 8 + 8 * index) }
}

/// What a driver says of itself.
package struct EthtoolDriver: Sendable, Equatable {
    package let driver: String
    package let version: String
    package let firmwareVersion: String
    package let busInfo: String
    package let expansionROMVersion: String
    /// How many numbers it counts.
    package let statisticCount: Int

    /// An answer to `Ethtool.driverRequest`; nil when it is too short to be one.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 196 else { return nil }
        func text(_ position: Int) -> String { bytes.text(upToZeroIn: 4 + 32 * position..<36 + 32 * position) }
        driver = text(0)
        version = text(1)
        firmwareVersion = text(2)
        busInfo = text(3)
        expansionROMVersion = text(4)
        statisticCount = min(Int(bytes.native32(at: 180)), Ethtool.statisticLimit)
    }
}

/// How a link can run, and does.
package struct EthtoolLink: Sendable, Equatable {
    package let isAutonegotiating: Bool
    /// Sets of modes, a bit for each.
    package let supported: [UInt32]
    package let advertised: [UInt32]

    /// How many words the kernel wants to write when it was offered another number of them.
    package static func wantedWords(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 48 else { return nil }
        let words = Int8(bitPattern: bytes[15])
        return words < 0 ? -Int(words) : nil
    }

    /// An answer to `Ethtool.linkRequest`; nil when it is too short to be one.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 48 else { return nil }
        isAutonegotiating = bytes[11] != 0
        let words = max(0, min(Int(Int8(bitPattern: bytes[15])), (bytes.count - 48) / 12))
        func set(_ number: Int) -> [UInt32] { (0..<words).map { bytes.native32(at: 48 + 4 * (number * words + $0)) } }
        supported = set(0)
        advertised = set(1)
    }
}

extension [UInt8] {
    fileprivate mutating func set32(_ value: UInt32, at index: Int) {
        for offset in 0..<4 {
            self[index + offset] = UInt8(truncatingIfNeeded: value.littleEndian >> UInt32(8 * offset))
        }
    }
}
